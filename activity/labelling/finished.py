"""Clips that an earlier run has labelled: told apart, and judged by what it has left on disk."""

import json
from collections.abc import Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import numpy as np

from activity.common.errors import UserError, as_user_error, printable, shortened
from activity.common.regular_file import hash_file
from activity.common.stores import clip_location, local_copy
from activity.common.tables import as_text
from activity.labelling.jobs import Job, Settings, of_one_clip
from activity.labelling.planning import look_at
from activity.labelling.review.data_files import ShownPart, read_labelled_frames, read_place
from activity.labelling.truths import known_before
from activity.media.clip import open_clip
from activity.media.frame import VideoInfo
from activity.network.classifier import Classifier
from activity.temporal.judgement import Judgement, Truth, format_judgement, judge
from activity.temporal.prediction_table import read_table
from activity.temporal.predictions import gather_predictions
from activity.temporal.smoothing import compared_smoothings

# Probabilities in tables are rounded: a few labels may come out otherwise.
_MOST_OTHERS = 0.01

_AGAIN = "--overwrite labels it again"


def part_finished(jobs: Sequence[Job]) -> tuple[list[Job], list[Job]]:
    """Part jobs into those to do, and those in folders of which all files are there already.

    A region that was another rectangle when these were written is to do again, and is named.
    """
    clips = [regions for regions in of_one_clip(jobs) if all(map(_has_files, regions))]
    moved: list[Job] = []
    in_parts = [regions for regions in clips if regions[0].region]
    for regions, info in zip(in_parts, look_at([job.clip for job, *_ in in_parts]), strict=True):
        if isinstance(info, VideoInfo):
            size = info.width, info.height
            moved += [job for job in regions if _was_elsewhere(job, size)]
    if moved:
        names = shortened([job.part for job in moved])
        print(f"[INFO] labelled again, since it was another rectangle: {names}")
    again = {job.clip for job in moved}
    finished = {job for regions in clips for job in regions if job.clip not in again}
    return [job for job in jobs if job not in finished], [job for job in jobs if job in finished]


def _has_files(job: Job) -> bool:
    paths = job.outputs.paths
    return not job.keep_unfinished and len(paths) > 0 and all(path.exists() for path in paths)


def _was_elsewhere(job: Job, size: tuple[int, int]) -> bool:
    """Tell whether the files of a region say that it was another rectangle of its clip's frames."""
    assert job.region is not None
    window = job.region.window(size, job.name)
    if job.outputs.review:
        place = read_place(job.outputs.review)
        if place not in (None, ShownPart("", size, window).place):
            return True
    if job.outputs.json:
        with suppress(UserError, OSError, ValueError, LookupError, TypeError):
            region = _read_summary(job.outputs.json)["region"]
            return window != tuple(region[edge] for edge in window._fields)
    return False


def judge_those_finished(
    finished: Sequence[Job], classifier: Classifier, settings: Settings
) -> list[Judgement]:
    """Judge the clips that an earlier run has labelled, and say which ones cannot be."""
    judgements = []
    for job in finished:
        if not job.truth:
            continue
        try:
            judgements.append(judge_finished(job, classifier, settings))
            said = f"{job.part} was labelled before\n[INFO] {format_judgement(judgements[-1])}"
        except UserError as error:
            said = f"{job.part} was labelled before, and is not judged: {printable(str(error))}"
        print(f"[INFO] {said}")
    return judgements


def judge_finished(job: Job, classifier: Classifier, settings: Settings) -> Judgement:
    """Judge a clip by its table of predictions; where there is none, by the review page's data.

    Of a page, only the labels that were drawn are judged, in no other way of smoothing.

    Args:
        job: the clip, whose files are all there, and its truth.
        classifier: the model of this run.
        settings: how this run labels clips.

    Raises:
        UserError: neither was written; it cannot be read; or it was made with another model or
            other settings.
    """
    assert job.truth is not None
    if job.outputs.json:
        _check_settings(job.outputs.json, classifier, settings)
    if job.outputs.csv:
        shown = _look_at(job) if classifier.learned else ShownPart("", (0, 0))
        return _judge_table(job.outputs.csv, job, job.truth, shown, classifier, settings)
    if job.outputs.review:
        return _judge_page(job.outputs.review, job.truth, _look_at(job), classifier, settings)
    raise UserError(
        "neither a table (--csv) nor a review page has the labels of its frames: " + _AGAIN
    )


def _judge_table(
    table: Path,
    job: Job,
    truth: Truth,
    shown: ShownPart,
    classifier: Classifier,
    settings: Settings,
) -> Judgement:
    labels, smoothing = classifier.labels, settings.smoothing
    with (
        local_copy(table) as local,
        gather_predictions(local.parent, labels, settings.stride) as gathered,
    ):
        drawn = []
        for frame, (time, raw, label) in enumerate(read_table(local, labels)):
            if (raw is None) != (frame % settings.stride > 0):
                raise UserError(f"{table} was made with another --stride: {_AGAIN}")
            gathered.add(time, 0.0, raw)
            drawn.append(label)
        if not drawn:
            raise UserError(f"{table} has no frames: {_AGAIN}")
        known = gathered.predictions(lambda last: last)
        compared = {
            each: each.numbers(known)
            for each in compared_smoothings(smoothing.size, settings.compare)
        }
        if np.mean(compared[smoothing] != np.array(drawn)) > _MOST_OTHERS:
            raise UserError(f"{table} was made with other settings: {_AGAIN}")
        # The page that the earlier run has written says nothing of what was before.
        before = None if job.earlier == job.outputs.review else job.earlier
        earlier = known_before(before, shown, known.frames, classifier)
        return judge(known.times, labels, compared, smoothing, truth, earlier)


def _judge_page(
    data: Path, truth: Truth, shown: ShownPart, classifier: Classifier, settings: Settings
) -> Judgement:
    found = read_labelled_frames(data, shown, classifier.labels)
    if found is None or found.labels != [as_text(label) for label in classifier.labels]:
        raise UserError(f"{data} is damaged, or of another clip or model: {_AGAIN}")
    earlier = known_before(None, shown, 0, classifier)
    drawn = {settings.smoothing: found.numbers}
    return judge(found.times, classifier.labels, drawn, settings.smoothing, truth, earlier)


def _check_settings(summary: Path, classifier: Classifier, settings: Settings) -> None:
    """Make sure that the earlier run was like this one, where its summary says so."""
    now = {
        "smoothing": settings.smoothing.way,
        "size": settings.smoothing.size,
        "stride": settings.stride,
        "unknown": classifier.unknown,
    }
    try:
        content = _read_summary(summary)
        model, made = content["model"]["sha256"], content["settings"]
        is_other = {name: made[name] for name in now} != now
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise UserError(f"{summary} does not say how it was labelled: {_AGAIN}") from error
    if model != classifier.digest:
        raise UserError(f"another model has labelled it: {_AGAIN}")
    if is_other:
        raise UserError(f"it was labelled with other settings: {_AGAIN}")


def _read_summary(summary: Path) -> Any:
    with local_copy(summary) as local:
        return json.loads(local.read_text(encoding="utf-8"))


def _look_at(job: Job) -> ShownPart:
    with as_user_error(job.clip), local_copy(clip_location(job.clip)) as local:
        size, window = (0, 0), None
        if job.region:
            with closing(open_clip(local)) as source:
                size = source.info.width, source.info.height
            window = job.region.window(size, job.name)
        return ShownPart(hash_file(local), size, window)
