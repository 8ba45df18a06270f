"""Write matplotlib figures to files."""

import warnings
from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.text import Text

from activity.common.writing import replace_when_complete

_DPI = 120


def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure in the format of the file's suffix, or as PNG if the suffix is unknown.

    Raises:
        UserError: the file system refuses to write.
    """
    # A dollar sign in the name of a file or an activity does not start a formula.
    for text in figure.findobj(Text):
        text.set_parse_math(False)
    known = path.suffix[1:].lower() in figure.canvas.get_supported_filetypes()
    with replace_when_complete(path) as (part,), warnings.catch_warnings():
        # Letters that the font lacks are drawn as boxes. A warning for each would bury the
        # messages of the scripts.
        warnings.filterwarnings("ignore", message="Glyph")
        figure.savefig(part, format=None if known else "png", dpi=_DPI)


def short_name(name: str, longest: int) -> str:
    """Fit the name of a file or an activity into one line of at most ``longest`` characters.

    Use it for labels and titles of figures. The middle is cut out, since the end of a file name
    says more.
    """
    # A name may contain bytes that are not UTF-8; matplotlib draws only Unicode.
    line = " ".join(name.encode("utf-8", "replace").decode().split())
    half = longest // 2
    return line if len(line) <= longest else f"{line[: half - 1]}…{line[-half:]}"
