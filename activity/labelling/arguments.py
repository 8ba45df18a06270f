"""The flags of ``predict_video.py``."""

import argparse
from functools import partial

from activity.common.stores import location, without_file_scheme
from activity.labelling.preview import DISPLAY
from activity.network.arguments import (
    add_cluster_argument,
    add_region_arguments,
    add_tier_argument,
    positive,
    seconds,
)
from activity.temporal.segment_files import SEGMENT_SUFFIXES
from activity.temporal.smoothing import SMOOTHINGS


def add_file_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags that name what is read and what is written."""
    group = parser.add_argument_group("files")
    add_file = partial(group.add_argument, type=location, metavar="FILE")
    add_file("-m", "--model", required=True, help="a model of train.py")
    add_file(
        "-l",
        "--label-bin",
        required=True,
        help="the label binarizer that was written with the model",
    )
    group.add_argument(
        "-i",
        "--input",
        nargs="+",
        type=without_file_scheme,
        required=True,
        metavar="CLIP",
        help="the clip to label; or several, or a folder of them (an address of a clip, such as "
        "https://.../tennis.mp4, is downloaded first); or a live source: the number of a camera "
        "(0 is the first), or the address of a stream (rtsp://..., http://...)",
    )
    add_file(
        "-o",
        "--output",
        help="the labelled clip to write: .mp4 (H.264 with the clip's sound, plays everywhere) or "
        ".avi (Motion JPEG at one constant rate, no sound), or of a photo .jpg or .png; for "
        "several clips a folder, which gets one .mp4 for each; a live source wants an .mp4, which "
        "keeps the time between frames; .mkv copies the clip's own video, sound and subtitles "
        "without encoding, and has the labels as subtitles that a player shows or hides; "
        "may be left out where another result is asked for: nothing is drawn or encoded then",
    )
    group.add_argument(
        "--output-format",
        choices=("mp4", "mkv"),
        default="mp4",
        help="the format of the labelled clips in a folder of --output (default: %(default)s)",
    )
    add_file(
        "--timeline",
        help="a picture to write: the probability of each activity over time, and the label under "
        "both ways of smoothing; "
        "for several clips a folder",
    )
    add_file(
        "--csv",
        help="a table to write, one row a frame: time, label and probabilities; for several "
        "clips a folder",
    )
    add_file(
        "--json",
        help="a summary to write: overall activity, stretches of one label with their times, "
        "label switches, settings; for several clips a folder",
    )
    add_file(
        "--segments",
        help="the stretches of one label to write, in the format of the ending: .csv "
        "(start,end,label in seconds, to be corrected and given as --truth), .srt or .vtt "
        "(subtitles: a player shows the label over the clip as it is), .boris, .eaf (ELAN), .otio "
        "(OpenTimelineIO), .edl (DaVinci Resolve's markers), .xml (Sportscode), .llc "
        "(LosslessCut), .txt (Audacity); for several clips a folder, which gets a file for each, "
        "or one .boris with an observation for each",
    )
    group.add_argument(
        "--segments-format",
        choices=[suffix[1:] for suffix in SEGMENT_SUFFIXES],
        default="csv",
        help="the format of the files in a folder of --segments (default: %(default)s)",
    )
    add_file(
        "--stats",
        nargs="+",
        default=(),
        help="the numbers of all clips to write: .csv, a row for each clip and label (seconds, "
        "share, bouts, latency, ...), with the transitions from label to label, and with --truth "
        "the confusion in tables beside it; .png, a picture of the labels of all clips; or both",
    )
    group.add_argument(
        "--stats-bins",
        type=seconds,
        metavar="SECONDS",
        help="also a row of --stats for each bin of so many seconds",
    )
    add_file(
        "--review",
        metavar="FOLDER",
        help="a page to write, FOLDER/index.html: look at the clips in a browser, the most "
        "doubtful first, correct their labels, and save tables that train.py learns from; best "
        "with --smoothing viterbi; clips that browsers do not play get a small copy in FOLDER",
    )
    add_file(
        "--truth",
        help="a table to judge by, start,end,label in seconds (gaps are not judged), or a file of "
        "another program (.boris, .eaf, .xml, .llc, .txt, .json): prints how "
        "many frames are right, raw, as drawn, and at each size of --compare in both ways of "
        "smoothing, but for seconds that the model has learned from; for several clips a table "
        "with a column clip in front, a .boris, or a folder of files named after them; clips that "
        "an earlier run has labelled are judged by their tables of --csv, or their review page",
    )
    add_tier_argument(group)
    group.add_argument(
        "--overwrite",
        action="store_true",
        help="into a folder: also label the clips whose files are there already; and replace "
        "tables of segments that lie beside their clips",
    )
    add_region_arguments(group, "labelled by itself, with results of its own (match.left.csv)")
    add_cluster_argument(group, "label many clips at once")


def add_smoothing_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags that change how predictions become a label."""
    group = parser.add_argument_group("smoothing")
    group.add_argument(
        "--smoothing",
        choices=SMOOTHINGS,
        default="rolling",
        help="rolling: the average of the last --size frames, known at once, and half of --size "
        "late at every change; viterbi: for files; the label that costs least over the whole "
        "clip, where a change costs as much as --size / 2 frames of the wrong label: it changes "
        "on the very frame, and the clip is read twice (default: %(default)s)",
    )
    group.add_argument(
        "-s",
        "--size",
        type=positive,
        default=128,
        metavar="N",
        help="frames that the rolling average spans, 1 is no averaging; under viterbi, a shot of "
        "fewer frames does not change the label (default: %(default)s)",
    )
    group.add_argument(
        "--stride",
        type=positive,
        default=1,
        metavar="N",
        help="classify every N-th frame only, N times as fast; the label is drawn on all, and "
        "--size counts all frames; under viterbi a change lies midway between two frames that "
        "were classified (default: %(default)s)",
    )
    group.add_argument(
        "--compare",
        type=positive,
        nargs="+",
        default=[],
        metavar="N",
        help="other sizes that --timeline shows and --truth judges, in both ways, without "
        "classifying again",
    )
    group.add_argument(
        "--unknown",
        action="store_true",
        help="label frames 'unknown' that look like none of the activities: those of which the "
        "network is less sure than of most photos of them (needs labels that train.py has written "
        "since it knows --unknown)",
    )


def add_look_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags that change what a person sees."""
    group = parser.add_argument_group("looks")
    group.add_argument(
        "--bars", action="store_true", help="also draw the probability of each activity as a bar"
    )
    group.add_argument(
        "--display",
        choices=DISPLAY,
        default="auto",
        help="a preview window of what --output writes: auto opens one where there is a screen; "
        "the key q, or closing it, ends early and keeps what is written (default: %(default)s)",
    )
