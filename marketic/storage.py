"""Markets on disk: one zip file of plain arrays and a JSON header, no pickle, the same bytes for the same market.

Layout: `header.json` ({"format": 1, "marketic": version, "config": ...}) and one `.npy` member per array of
`Market.state_dict()`. A file of a newer format is refused with the version that wrote it.
"""

import io
import json
import zipfile
import zlib
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from marketic.atomic import write_atomically
from marketic.errors import CorruptFile, InputError, NewerFormat

if TYPE_CHECKING:
    from marketic.market import Market

FORMAT = 1
_DAMAGE = (
    zipfile.BadZipFile, zlib.error, RuntimeError, MemoryError, KeyError, ValueError, EOFError, OSError, TypeError,
)  # fmt: skip
"""What reading a damaged file raises; a single wrong bit makes `zipfile` ask for a password, say, or for another version."""
_EPOCH = (1980, 1, 1, 0, 0, 0)  # a fixed date keeps the bytes equal


def file_path(given: Any) -> Path:
    """The path of a market's file. Raises InputError for what names no file, such as an open one."""
    try:
        path = Path(given)
        path.is_file()  # raises for a name that the system does not take, in some versions of Python
    except (TypeError, ValueError, OSError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"path {given!r} ({reason}): wanted the name of a file, e.g. 'lake.market'") from None
    return path


def save_market(market: "Market", path: str | Path) -> None:
    """Write `market` to `path`, atomically."""
    write_arrays(file_path(path), market.state_dict(), market.config)


def write_arrays(path: Path, arrays: dict[str, np.ndarray], config: dict[str, Any]) -> None:
    """Write named arrays and a JSON-able config to one file."""
    from marketic import __version__

    header = json.dumps({"format": FORMAT, "marketic": __version__, "config": config}, sort_keys=True)

    def write(file: IO[bytes]) -> None:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            archive.writestr(zipfile.ZipInfo("header.json", _EPOCH), header)
            for name in sorted(arrays):
                member = io.BytesIO()
                np.lib.format.write_array(member, np.asanyarray(arrays[name]), allow_pickle=False)
                archive.writestr(zipfile.ZipInfo(f"{name}.npy", _EPOCH), member.getvalue(), zipfile.ZIP_DEFLATED, 1)

    write_atomically(path, write)


def read_arrays(path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """The arrays and the config of a file that `write_arrays` wrote.

    Raises InputError if there is no such file, CorruptFile if it is damaged or of a newer format.
    """
    if not path.is_file():
        raise InputError(f"no file {path}: wanted one that Market.save or a training run wrote")
    try:
        with zipfile.ZipFile(path) as archive:
            header = json.loads(archive.read("header.json"))
            if header["format"] > FORMAT:
                raise NewerFormat(
                    f"{path} has format {header['format']}, written by marketic {header['marketic']}; this version "
                    f"reads up to format {FORMAT}: upgrade marketic"
                )
            arrays = {
                name.removesuffix(".npy"): np.lib.format.read_array(io.BytesIO(archive.read(name)), allow_pickle=False)
                for name in archive.namelist()
                if name.endswith(".npy")
            }
    except CorruptFile:
        raise
    except _DAMAGE as error:
        raise CorruptFile(
            f"{path} is not a marketic file, or it is damaged ({error}): use an earlier checkpoint"
        ) from None
    return arrays, header["config"]


def load(
    path: str | Path, *, env: Any = None, population: Any = None, mechanism: Any = None, **options: Any
) -> "Market":
    """Read a market that `Market.save` wrote.

    env: an environment to continue in; default: the saved id is made again. population, mechanism, options: needed only
    for parts that were objects of your own, and so are not in the file: pass them, built as before.

    Raises InputError or CorruptFile as `read_arrays` does, or if something must be passed.
    """
    path = file_path(path)
    arrays, config = read_arrays(path)
    if not config and population is not None:
        from marketic.market import Market

        if env is None or mechanism is None:
            raise InputError("load(population=, mechanism=): pass env=, population= and mechanism= together")
        market = Market(env, population, mechanism, seed=0)
    else:
        from marketic.presets import rebuild

        market = rebuild(config, env, population, mechanism, **options)
    restore(market, arrays, path)
    market.config = config
    return market


def restore(market: "Market", arrays: dict[str, np.ndarray], path: Path) -> None:
    """Put the arrays of the file `path` into a market. Raises CorruptFile if they do not belong to such a market."""
    try:
        market.load_state_dict(arrays)
    except KeyError as error:
        raise CorruptFile(f"{path} lacks the array {error}: it was saved by another kind of market") from None
    except (ValueError, IndexError, TypeError) as error:
        raise CorruptFile(
            f"{path} does not fit this market ({error}): it was saved by another kind of market"
        ) from None
