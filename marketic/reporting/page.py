"""The page around the figures: escaping, numbers, tables, cards and the style sheet. Light and dark, phone and desk."""

import html
import math
from collections.abc import Iterable, Sequence

STYLE = """
:root{color-scheme:light dark;--paper:#f7f5f0;--card:#fffefb;--ink:#1b2127;--muted:#5a6671;--line:#dcd8ce;--grid:#ece8df;
--s0:#0072b2;--s1:#c25700;--s2:#00805c;--s3:#a8487f;--s4:#3b8fc4;--s5:#8a6d00;--s6:#555d66;--blank:#d9d5cb}
@media (prefers-color-scheme:dark){:root{--paper:#12161a;--card:#1a2026;--ink:#e7e9eb;--muted:#9ba7b2;--line:#343d46;
--grid:#272f37;--s0:#56b4e9;--s1:#f0a030;--s2:#2fbf93;--s3:#dd8fbc;--s4:#8fc7ee;--s5:#e6d24a;--s6:#b9c1c9;--blank:#39424b}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
main{max-width:1120px;margin:0 auto;padding:24px 20px 64px}
h1{font-size:1.7rem;line-height:1.2;margin:.2em 0 .1em;overflow-wrap:anywhere}
h2{font-size:1.35rem;margin:2.2em 0 .5em;padding-top:.7em;border-top:2px solid var(--line);overflow-wrap:anywhere}
h3{font-size:1rem;margin:0 0 .4em}
p{margin:.4em 0}.lead,.note,figcaption{color:var(--muted)}.note,figcaption{font-size:.875rem}
a{color:var(--s0)}nav{margin:.6em 0}nav a{margin-right:1em}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:12px;margin:14px 0}
.tile,.card{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:14px 16px;min-width:0}
.tile b{display:block;font-size:1.35rem;line-height:1.25;overflow-wrap:anywhere}
.tile>span{color:var(--muted);font-size:.83rem}.tile small{display:block;color:var(--muted);font-size:.83rem}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,430px),1fr));
gap:14px;margin:14px 0;align-items:start;grid-auto-flow:dense}
.wide{grid-column:1/-1}
svg{display:block;width:100%;height:auto;font-family:inherit}
.chart text{fill:var(--muted);font-size:14px}.chart .axis{stroke:var(--line)}.chart .grid{stroke:var(--grid)}
.legend{display:flex;flex-wrap:wrap;gap:4px 16px;font-size:.875rem;color:var(--muted);margin-top:6px}
.legend i{display:inline-block;width:18px;height:4px;border-radius:2px;margin-right:6px;vertical-align:middle}
.legend i.dot{width:9px;height:9px;border-radius:50%}.legend i.box{width:13px;height:13px;border-radius:3px}
.scroll{overflow-x:auto}table{border-collapse:collapse;width:100%;font-size:.92rem}
th,td{text-align:left;padding:5px 10px 5px 0;border-bottom:1px solid var(--grid);vertical-align:top}
th{color:var(--muted);font-weight:500}td.n,th.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
th.n:last-child,td.n:last-child{padding-right:0}td.n+td{padding-left:8px}
code,pre{font:.86rem/1.5 ui-monospace,Menlo,Consolas,monospace}
pre{white-space:pre-wrap;overflow-wrap:anywhere;background:var(--grid);border-radius:8px;padding:10px 12px;margin:.4em 0}
td code{display:inline-block;min-width:min(12ch,40vw);overflow-wrap:anywhere}
.proof{border-left:4px solid var(--s2);padding-left:10px;margin:12px 0 2px}
.ramp{display:flex;align-items:center;gap:8px;font-size:.875rem;color:var(--muted);margin-top:8px;flex-wrap:wrap}
.ramp svg{width:140px;height:12px;flex:none}
@media (max-width:600px){.chart text{font-size:17px}main{padding:12px 12px 48px}}
@media print{body{background:#fff}.card,.tile{break-inside:avoid}}
"""


def escape(text: object) -> str:
    """Text as HTML."""
    return html.escape(str(text), quote=True)


def number(value: float, digits: int = 3) -> str:
    """A number as people read it: whole ones in full with commas, others to some digits; "–" for none.

    >>> number(20000), number(-12.3456), number(0.01999), number(float("nan")), number(1.5e9)
    ('20,000', '−12.3', '0.02', '–', '1,500,000,000')
    """
    if not math.isfinite(value):
        return "–"
    if value == int(value) and abs(value) < 1e12:
        text = f"{int(value):,}"
    else:
        size = math.floor(math.log10(abs(value)))
        decimals = max(0, digits - 1 - size)
        text = f"{value:.{digits - 1}e}" if size < -4 or size >= 12 else f"{value:,.{decimals}f}"
        if "." in text and "e" not in text:
            text = text.rstrip("0").rstrip(".")
    return text.replace("-", "−")


SHOW = (
    "const show=(v,digits=3)=>{if(!isFinite(v))return'\\u2013';const a=Math.abs(v),size=Math.floor(Math.log10(a));"
    "const t=Number.isInteger(v)&&a<1e12?v.toLocaleString('en',{maximumFractionDigits:0})"
    ":size<-4||size>=12?v.toExponential(digits-1)"
    ":v.toLocaleString('en',{maximumFractionDigits:Math.max(0,digits-1-size)});return t.replace('-','\\u2212')};"
)
"""`number` for the browser, so that a figure reads the same before and after a slider has moved."""


def apart(values: Sequence[float]) -> list[str]:
    """Numbers as `number` writes them, with as many more digits as it takes to tell different ones apart.

    >>> apart([100.2, 100.4]), apart([0.0, 0.5]), apart([2.0, 2.0])
    (['100.2', '100.4'], ['0', '0.5'], ['2', '2'])
    """
    texts = [number(value) for value in values]
    for digits in range(4, 17):
        if len(set(texts)) == len(set(values)):
            break
        texts = [number(value, digits) for value in values]
    return texts


def figure(name: str, value: float, text: str | None = None) -> str:
    """A number with its exact value in the page: `data-figure` names it, `data-value` is it."""
    return f'<span data-figure="{escape(name)}" data-value="{value!r}">{escape(text or number(value))}</span>'


def duration(seconds: float) -> str:
    """Seconds as people say them.

    >>> duration(8.25), duration(95), duration(4000)
    ('8.2 s', '1 min 35 s', '1 h 6 min')
    """
    if not math.isfinite(seconds):
        return "–"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def tile(label: str, content: str, small: str = "") -> str:
    """One headline number. `content` and `small` are HTML, `label` is text."""
    return f'<div class="tile"><span>{escape(label)}</span><b>{content}</b><small>{small}</small></div>'


def card(title: str, content: str, note: str = "", *, wide: bool = False) -> str:
    """A box with a heading, HTML content and a note of plain text."""
    foot = f'<p class="note">{escape(note)}</p>' if note else ""
    return f'<section class="card{" wide" if wide else ""}"><h3>{escape(title)}</h3>{content}{foot}</section>'


def table(head: Sequence[str], rows: Iterable[Sequence[str]], numeric: Sequence[int] = ()) -> str:
    """A table of HTML cells; columns in `numeric` are set flush right."""

    def cell(tag: str, column: int, content: str) -> str:
        return f"<{tag}{' class=n' if column in numeric else ''}>{content}</{tag}>"

    top = "".join(cell("th", k, escape(name)) for k, name in enumerate(head))
    body = "".join(f"<tr>{''.join(cell('td', k, content) for k, content in enumerate(row))}</tr>" for row in rows)
    return f'<div class="scroll"><table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>'


def page(title: str, body: str, style: str = "", script: str = "") -> str:
    """The whole document. style, script: more rules, and a program of our own at its end; neither may load anything."""
    program = f"<script>{script}</script>" if script else ""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}{style}</style></head>\n<body><main>{body}</main>{program}</body></html>\n"
    )
