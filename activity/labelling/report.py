"""What a person is told of a run: each clip as it is done, and at the end all of them."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from activity.common.errors import UserError, printable
from activity.labelling.jobs import Job
from activity.labelling.results import Outcome
from activity.temporal.judgement import Judgement, format_judgement, format_rightness
from activity.temporal.summary import Summary

_MOST_LOOKS = 5  # lines that say what segments of a clip look like


def report(
    jobs: Sequence[Job],
    outcomes: Iterable[tuple[Job, Outcome | UserError | None]],
    judged_before: Sequence[Judgement],
) -> tuple[list[tuple[Job, Outcome]], list[str]]:
    """Print what became of each clip as it is done, and at the end a table of several.

    Args:
        jobs: the clips.
        outcomes: each of them, as it is done, with what became of it, as ``label_clip.Outcomes``.
        judged_before: judgements of other clips, which count in the sum.

    Returns:
        (each job that is done, in their order, and what became of it; the names of the clips that
        failed).

    Raises:
        UserError: the only clip failed.
    """
    done_of: dict[Job, Outcome] = {}
    judgements = [*judged_before]
    failed: set[str] = set()
    named: set[Path] = set()
    for job, outcome in outcomes:
        if outcome is None:
            print(f"[INFO] {job.part} was left unfinished: nothing of it is kept")
        elif isinstance(outcome, UserError):
            if len({job.clip for job in jobs}) == 1:
                raise outcome
            if job.clip not in failed:  # what is wrong with one is wrong with all of its regions
                print(f"error: {printable(str(outcome))}", file=sys.stderr)
            failed.add(job.clip)
        else:
            _print_outcome(job, outcome, named)
            done_of[job] = outcome
            judgements += [outcome.judgement] if outcome.judgement else []
    for line in format_rightness(judgements):
        print(f"[INFO] {line}")
    done = [(job, done_of[job]) for job in jobs if job in done_of]
    if len(jobs) > 1:
        _print_table([(str(job.part), outcome.summary) for job, outcome in done])
    return done, [*dict.fromkeys(job.name for job in jobs if job.clip in failed)]


def _print_outcome(job: Job, outcome: Outcome, named: set[Path]) -> None:
    """Print a part of a clip; files that are ``named`` already are those of another, too."""
    summary, expected = outcome.summary, outcome.expected
    of = f" of {expected}" if expected not in (0, summary.frames) else ""
    print(
        f"[INFO] {job.part}: {summary.label} ({summary.probability:.0%}) "
        f"over {summary.frames}{of} frames; label switches: "
        f"{summary.raw_switches} raw, {summary.switches} {summary.adjective}"
    )
    for line in format_looks(summary):
        print(f"[INFO] {printable(line)}")
    if job.is_live:
        print(f"[INFO] dropped {outcome.dropped} frames that came while another was classified")
    if outcome.judgement:
        print(f"[INFO] {format_judgement(outcome.judgement)}")
    written = [path for path in job.outputs.paths if path not in {job.outputs.review, *named}]
    if written:
        print(f"[INFO] wrote {', '.join(map(str, written))}")
    named.update(written)


def format_looks(summary: Summary) -> Iterator[str]:
    """Say of the longest unknown and doubtful segments what they look like, in order of time.

    Yields:
        Lines such as ``unknown, 0:12 to 0:31: looks like baseball, ballplayer``.
    """
    told = [run for run in summary.runs if run.looks_like]
    longest = sorted(told, key=lambda run: run.start - run.end)[:_MOST_LOOKS]
    for run in told:
        if run in longest:
            span = f"{_clock(run.start)} to {_clock(run.end)}"
            yield f"{run.label}, {span}: looks like {', '.join(run.looks_like)}"
    if len(told) > _MOST_LOOKS:
        yield f"{len(told) - _MOST_LOOKS} shorter segments are unknown or doubtful, too"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _print_table(summaries: Sequence[tuple[str, Summary]]) -> None:
    width = max((len(clip) for clip, _ in summaries), default=4)
    smoothed = next((summary.adjective for _, summary in summaries), "averaged")
    print(f"{'clip':{width}}  {'frames':>7}  {'raw':>5}  {smoothed:>8}  activity")
    for clip, summary in summaries:
        print(
            f"{clip:{width}}  {summary.frames:7}  {summary.raw_switches:5}  "
            f"{summary.switches:8}  {summary.label} ({summary.probability:.0%})"
        )
