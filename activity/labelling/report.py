"""What a person is told of a run: each clip as it is done, and at the end all of them."""

import sys
from collections.abc import Iterable, Sequence

from activity.common.errors import UserError, printable
from activity.labelling.jobs import Job
from activity.labelling.label_clip import Outcome
from activity.temporal.judgement import Judgement, format_judgement, format_rightness
from activity.temporal.summary import Summary


def report(
    jobs: Sequence[Job],
    outcomes: Iterable[tuple[Job, Outcome | UserError | None]],
    judged_before: Sequence[Judgement],
) -> tuple[dict[str, Outcome], list[str]]:
    """Print what became of each clip as it is done, and at the end a table of several.

    Args:
        jobs: the clips.
        outcomes: each of them, as it is done, with what became of it, as ``label_clip.Outcomes``.
        judged_before: judgements of other clips, which count in the sum.

    Returns:
        (what became of the clips that are labelled, in the order of the jobs; those that failed).

    Raises:
        UserError: the only clip failed.
    """
    done: dict[str, Outcome] = {}
    judgements = [*judged_before]
    failed: set[str] = set()
    for job, outcome in outcomes:
        if outcome is None:
            print(f"[INFO] {job.name} was left unfinished: nothing of it is kept")
        elif isinstance(outcome, UserError):
            if len(jobs) == 1:
                raise outcome
            failed.add(job.clip)
            print(f"error: {printable(str(outcome))}", file=sys.stderr)
        else:
            _print_outcome(job, outcome)
            done[job.clip] = outcome
            judgements += [outcome.judgement] if outcome.judgement else []
    for line in format_rightness(judgements):
        print(f"[INFO] {line}")
    done = {job.clip: done[job.clip] for job in jobs if job.clip in done}
    if len(jobs) > 1:
        _print_table([(job.name, done[job.clip].summary) for job in jobs if job.clip in done])
    return done, [job.name for job in jobs if job.clip in failed]


def _print_outcome(job: Job, outcome: Outcome) -> None:
    summary, expected = outcome.summary, outcome.expected
    of = f" of {expected}" if expected not in (0, summary.frames) else ""
    print(
        f"[INFO] {job.name}: {summary.label} ({summary.probability:.0%}) "
        f"over {summary.frames}{of} frames; label switches: "
        f"{summary.raw_switches} raw, {summary.switches} {summary.adjective}"
    )
    if job.is_live:
        print(f"[INFO] dropped {outcome.dropped} frames that came while another was classified")
    if outcome.judgement:
        print(f"[INFO] {format_judgement(outcome.judgement)}")
    written = [path for path in job.outputs.paths if path != job.outputs.review]
    if written:
        print(f"[INFO] wrote {', '.join(map(str, written))}")


def _print_table(summaries: Sequence[tuple[str, Summary]]) -> None:
    width = max((len(clip) for clip, _ in summaries), default=4)
    smoothed = next((summary.adjective for _, summary in summaries), "averaged")
    print(f"{'clip':{width}}  {'frames':>7}  {'raw':>5}  {smoothed:>8}  activity")
    for clip, summary in summaries:
        print(
            f"{clip:{width}}  {summary.frames:7}  {summary.raw_switches:5}  "
            f"{summary.switches:8}  {summary.label} ({summary.probability:.0%})"
        )
