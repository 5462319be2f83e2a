"""The replay as a file: a self-contained page with every step's auction, or a GIF or mp4 to send around."""

import base64
import contextlib
import io
import json
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import IO, Any

import numpy as np

from marketic.atomic import write_atomically
from marketic.dashboard.replay import Scene, open_market, replay, stage_of
from marketic.dashboard.stage import shrink
from marketic.errors import InputError
from marketic.market import Market
from marketic.reporting.page import SHOW, escape, page
from marketic.reporting.run_record import EVALUATION_SEED

KINDS = (".html", ".gif", ".mp4")
STEPS, OFFERS, HEIGHT, MOST_COLOURS = 500, 8, 300, 64
FRAMES_PER_SECOND = 15
SCRIPT = (
    """
(function(){const box=document.querySelector('.replay'),data=JSON.parse(box.querySelector('script').textContent);
const slider=box.querySelector('input'),play=box.querySelector('button'),img=box.querySelector('img');
const table=box.querySelector('tbody'),told=box.querySelector('.told');let at=0,timer=0;
"""
    + SHOW.replace("digits=3", "digits=4")
    + """
function draw(){const s=data.scenes[at];if(s.frame>=0)img.src='data:image/png;base64,'+data.frames[s.frame];
 told.textContent='Step '+s.step+': reward '+show(s.reward)+', return so far '+show(s.total)+' units of reward.'
  +(s.lottery?' The mechanism would have drawn another bidder here.':'');
 table.replaceChildren(...s.offers.flatMap((list,right)=>list.map((o,k)=>{const r=document.createElement('tr');
  const pays=k===0?'pays '+s.payee[right]+' '+show(o[4]):(o[4]?'pays '+show(o[4]):'');
  const cells=[data.rights>1?'right '+right:'',(k===0?'\\u2714 ':'')+'agent '+o[0],show(o[1]),o[2],pays,o[3]];
  cells.forEach((t,c)=>{
   const d=document.createElement('td');d.textContent=t;if(c===2)d.className='n';
   if(k===0)d.style.fontWeight='600';r.append(d)});
  return r})));slider.value=at}
function stop(){clearInterval(timer);timer=0;play.textContent='Play'}
slider.addEventListener('input',()=>{stop();at=+slider.value;draw()});
play.addEventListener('click',()=>{if(timer)return stop();play.textContent='Pause';if(at>=data.scenes.length-1)at=-1;
 timer=setInterval(()=>{if(at>=data.scenes.length-1)return stop();at++;draw()},150)});draw()})();
"""
)


def write_replay(folder: Path, path: Path, *, seed: int | None = None, steps: int = STEPS) -> Path:
    """Play one greedy episode of a run's market and write it down, in the format that the name of `path` ends with.

    seed: of the episode. steps: at most so many. Raises InputError for another ending, no run, an environment that cannot
    be drawn (for .gif and .mp4), or an mp4 without ffmpeg.
    """
    if path.suffix not in KINDS:
        raise InputError(f"cannot write a replay to {path}: wanted a name that ends with {', '.join(KINDS)}")
    if steps < 1 or (seed is not None and seed < 0):
        raise InputError(f"steps={steps}, seed={seed}: wanted steps >= 1 and a seed >= 0")
    market = open_market(Path(folder))
    env = stage_of(market)
    try:
        scenes = list(islice(replay(market, env, seed=EVALUATION_SEED if seed is None else seed, offers=OFFERS), steps))
    finally:
        env.close()
        market.env.close()
    if path.suffix == ".html":
        data = _html(market, scenes).encode()
    elif any(scene.frame is None for scene in scenes):
        raise InputError(
            f"{folder}: its environment has no rgb_array pictures; write the replay to .html, which needs none"
        )
    else:
        data = _gif(scenes) if path.suffix == ".gif" else _mp4(scenes)

    def write(file: IO[bytes]) -> None:
        file.write(data)

    write_atomically(path, write)
    return path


def _html(market: Market, scenes: Sequence[Scene]) -> str:
    frames: list[str] = []
    rows = []
    for scene in scenes:
        if scene.frame is not None:
            frames.append(base64.b64encode(_png(scene.frame)).decode())
        offers = [[[o.agent, o.value, o.move, o.rule, o.payment] for o in made] for made in scene.offers]
        rows.append({"step": scene.step, "frame": len(frames) - 1, "reward": scene.reward, "total": scene.total,
                     "payee": scene.payee, "lottery": scene.lottery, "offers": offers})  # fmt: skip
    data = json.dumps({"scenes": rows, "frames": frames, "rights": market.rights}, separators=(",", ":"))
    plain = data.replace("<", "\\u003c")  # no word of an agent can end the element
    spec = getattr(market.env, "spec", None)
    title = f"marketic at play: {spec.id if spec else 'an environment'}"
    picture = (
        '<img alt="the environment before the act" style="max-width:100%;border-radius:6px">'
        if frames
        else "<img hidden>"
    )
    head = "".join(f"<th>{name}</th>" for name in ("", "Bidder", "Bid", "Act", "Payment", "Its rule"))
    body = (
        f'<h1>{escape(title)}</h1><p class="lead">One greedy episode. At every step the right to act is auctioned; the highest '
        f'bid wins, and the winner pays the owner of the step before. Amounts are in units of reward.</p>'
        f'<div class="replay cards"><section class="card"><div class="slide"><button type="button">Play</button>'
        f'<input type="range" min="0" max="{len(scenes) - 1}" value="0" aria-label="step"></div><p class="told"></p>'
        f'{picture}</section>'
        f'<section class="card"><h3>The auction of this step</h3><div class="scroll"><table><thead><tr>{head}</tr></thead>'
        f'<tbody></tbody></table></div></section><script type="application/json">{plain}</script></div>'
    )  # fmt: skip
    from marketic.reporting.graph_script import STYLE

    return page(title, body, STYLE, SCRIPT)


def _image(frame: np.ndarray) -> Any:
    from PIL import Image

    return Image.fromarray(shrink(frame, HEIGHT)).quantize(MOST_COLOURS)


def _png(frame: np.ndarray) -> bytes:
    memory = io.BytesIO()
    _image(frame).save(memory, format="PNG", optimize=True)
    return memory.getvalue()


def with_auction(scene: Scene) -> Any:
    """A frame with the auction written under it, as a PIL image."""
    from PIL import Image, ImageDraw

    assert scene.frame is not None
    picture = Image.fromarray(shrink(scene.frame, HEIGHT))
    picture = picture.resize((max(picture.width, 360), round(picture.height * max(picture.width, 360) / picture.width)))
    picture = picture.crop((0, 0, picture.width // 2 * 2, picture.height // 2 * 2))
    lines = [f"step {scene.step}   return so far {scene.total:.4g} units of reward"]
    for made, payee in zip(scene.offers, scene.payee, strict=True):
        if not made:
            lines.append("nobody bids: the house sends a bidder")
        for k, offer in enumerate(made[:4]):
            pays = f", pays {payee} {offer.payment:.4g}" if k == 0 else ""
            lines.append(
                f"{'won: ' if k == 0 else '     '}agent {offer.agent} bids {offer.value:.4g} for {offer.move}{pays}"
            )
    height = 18 * max(6, len(lines)) + 8
    canvas = Image.new("RGB", (picture.width, picture.height + height), "white")
    canvas.paste(picture, (0, 0))
    pen = ImageDraw.Draw(canvas)
    for k, line in enumerate(lines):
        pen.text((8, picture.height + 6 + 18 * k), line, fill="black")
    return canvas


def _gif(scenes: Sequence[Scene]) -> bytes:
    images = [with_auction(scene).quantize(MOST_COLOURS) for scene in scenes]
    memory = io.BytesIO()
    images[0].save(
        memory, format="GIF", save_all=True, append_images=images[1:], loop=0, duration=1000 // FRAMES_PER_SECOND
    )
    return memory.getvalue()


def _mp4(scenes: Sequence[Scene]) -> bytes:
    """By ffmpeg: the one that imageio-ffmpeg (extra `video`) brings, or the system's. Frames are drawn one at a time."""
    import subprocess
    import tempfile

    from PIL import Image

    program, sizes = _ffmpeg(), [with_auction(scene).size for scene in scenes]
    wide, high = (max(side) // 2 * 2 for side in zip(*sizes, strict=True))
    command = [program, "-loglevel", "error", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{wide}x{high}", "-r",
               str(FRAMES_PER_SECOND), "-i", "-", "-pix_fmt", "yuv420p", "-movflags", "frag_keyframe+empty_moov", "-f", "mp4",
               "-"]  # fmt: skip
    with tempfile.TemporaryFile() as made, tempfile.TemporaryFile() as said:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=made, stderr=said)
        assert process.stdin is not None
        with contextlib.suppress(BrokenPipeError), process.stdin as pipe:
            for scene in scenes:
                canvas = Image.new("RGB", (wide, high), "white")
                canvas.paste(with_auction(scene), (0, 0))
                pipe.write(canvas.tobytes())
        if process.wait():
            said.seek(0)
            raise InputError(f"ffmpeg could not write the mp4: {said.read().decode()[-200:]}; write a .gif instead")
        made.seek(0)
        return made.read()


def _ffmpeg() -> str:
    import shutil

    try:
        import imageio_ffmpeg

        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except (ImportError, RuntimeError):
        found = shutil.which("ffmpeg")
    if found is None:
        raise InputError("an mp4 needs ffmpeg: pip install 'marketic[video]', or write a .gif or .html instead")
    return found
