"""What the trade graph does in a browser: the slider moves through time, a click tells about an agent or an edge.

Plain JavaScript in the page itself: nothing is loaded. The data are in the element `graph-data-K`, written by
`marketic.reporting.graph_view`; texts are set as text, never as HTML, so that no program's words can become code.
"""

from marketic.reporting.page import SHOW

STYLE = """
.graph .node{cursor:pointer}.graph .node circle{stroke:var(--card);stroke-width:1.5}
.graph .node text{font-size:12px;fill:var(--ink);paint-order:stroke;stroke:var(--card);stroke-width:3px;pointer-events:none}
.graph .edge{fill:none;stroke:var(--muted);stroke-opacity:.55;cursor:pointer}
.graph .edge:hover,.graph .edge.on{stroke:var(--s1);stroke-opacity:1}.graph .node.on circle{stroke:var(--ink);stroke-width:3}
.graph .faded{opacity:.22}.graph .place{fill:none;stroke:var(--line)}.graph .mark{fill:var(--muted);font-size:11px}
.slide{display:flex;gap:10px;align-items:center;margin:8px 0}.slide input{flex:1;min-width:80px;accent-color:var(--s0)}
.slide button{font:inherit;color:inherit;background:var(--grid);border:1px solid var(--line);border-radius:6px;
padding:3px 12px;min-width:76px;cursor:pointer}
.told{min-height:4.6em;border-left:4px solid var(--s0);padding:2px 0 2px 10px;margin-top:8px;font-size:.92rem}
@media (max-width:600px){.graph .node text{font-size:22px}.graph .mark{font-size:18px}.graph .node circle{stroke-width:3}}
.told p{margin:.15em 0;overflow-wrap:anywhere}
"""

SCRIPT = (
    """
(function(){
"""
    + SHOW
    + """
document.querySelectorAll('.graph').forEach(box=>{
 const data=JSON.parse(box.querySelector('script').textContent);
 const svg=box.querySelector('svg'),lines=svg.querySelector('.edges'),dots=[...svg.querySelectorAll('.node')];
 const slider=box.querySelector('input'),play=box.querySelector('button'),told=box.querySelector('.told');
 let at=data.windows.length-1,chosen=null,timer=0;
 const fig=(name,v,text)=>{const e=box.querySelector('[data-figure="'+name+'"]');e.dataset.value=v;e.textContent=text||show(v)};
 const tell=rows=>{told.replaceChildren(...rows.map(r=>{const p=document.createElement('p');p.textContent=r;return p}))};
 const name=k=>data.nodes[k].name;
 function path(e){const a=data.nodes[e[0]],b=data.nodes[e[1]],dx=b.x-a.x,dy=b.y-a.y,d=Math.hypot(dx,dy)||1;
  const mx=(a.x+b.x)/2-dy*.16,my=(a.y+b.y)/2+dx*.16,r=radius(e[1])+3;
  const ex=b.x-mx,ey=b.y-my,l=Math.hypot(ex,ey)||1;
  return 'M'+a.x.toFixed(1)+' '+a.y.toFixed(1)+'Q'+mx.toFixed(1)+' '+my.toFixed(1)+' '
   +(b.x-ex/l*r).toFixed(1)+' '+(b.y-ey/l*r).toFixed(1)}
 const radius=k=>4+11*Math.sqrt(Math.max(data.windows[at].size[k],0)/(data.largest||1));
 function draw(){const w=data.windows[at];
  let most=0;w.edges.forEach(e=>{if(e[0]!==e[1])most=Math.max(most,e[2])});
  const wide=e=>(.6+5.4*Math.sqrt(Math.max(e[2],0)/(most||1))).toFixed(2);
  lines.innerHTML=w.edges.map((e,k)=>e[0]===e[1]?'':'<path class="edge" data-edge="'+k+'" data-volume="'+e[2]
   +'" data-count="'+e[3]+'" stroke-width="'+wide(e)+'" marker-end="url(#'+data.arrow+')" d="'+path(e)+'"/>').join('');
  const busy=new Set();w.edges.forEach(e=>{busy.add(e[0]);busy.add(e[1])});
  dots.forEach((g,k)=>{const c=g.querySelector('circle');c.setAttribute('r',radius(k).toFixed(1));
   const t=g.querySelector('text');if(t)t.setAttribute('y',(data.nodes[k].y-radius(k)-3).toFixed(1));
   g.classList.toggle('faded',!busy.has(k));g.classList.toggle('on',chosen===k)});
  fig('window-first',w.first);fig('window-last',w.last);fig('window-sales',w.sales);fig('window-volume',w.volume);
  slider.setAttribute('aria-valuetext','steps '+w.first+' to '+w.last);
  if(chosen!==null)person(chosen)}
 function person(k){const w=data.windows[at],n=data.nodes[k];let bought=0,sold=0,paid=0,earned=0;
  w.edges.forEach(e=>{if(e[0]===k){bought+=e[3];paid+=e[2]}if(e[1]===k){sold+=e[3];earned+=e[2]}});
  tell([n.name+(n.program?': '+n.program:''),
   data.sizes+' '+show(w.size[k])+'. Drawn sales of this window: bought '+show(bought)+' for '+show(paid)
    +', sold '+show(sold)+' for '+show(earned)+'.']);
  told.dataset.agent=n.account}
 function edge(k){const e=data.windows[at].edges[k];delete told.dataset.agent;
  tell([name(e[0])+' paid '+name(e[1])+' '+show(e[2])+' for '+show(e[3])+(e[3]===1?' right':' rights')
   +', '+show(e[2]/e[3])+' each.'])}
 dots.forEach((g,k)=>{const go=()=>{chosen=k;draw()};g.addEventListener('click',go);
  g.addEventListener('keydown',e=>{if(e.key==='Enter'||e.key===' '){e.preventDefault();go()}})});
 lines.addEventListener('click',e=>{const p=e.target.closest('.edge');if(p){chosen=null;draw();edge(+p.dataset.edge);
  lines.querySelectorAll('.edge')[0]&&lines.querySelector('[data-edge="'+p.dataset.edge+'"]').classList.add('on')}});
 const move=k=>{at=k;slider.value=k;draw()};
 slider.addEventListener('input',()=>{stop();move(+slider.value)});
 function stop(){clearInterval(timer);timer=0;play.textContent='Play'}
 play.addEventListener('click',()=>{if(timer)return stop();play.textContent='Pause';
  if(at>=data.windows.length-1)move(0);
  timer=setInterval(()=>{if(at>=data.windows.length-1)return stop();move(at+1)},600)});
 draw()})})();
"""
)
