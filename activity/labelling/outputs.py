"""The files to write for a clip."""

from dataclasses import dataclass, replace
from pathlib import Path

from activity.temporal.segment_files import holds_regions


@dataclass(frozen=True)
class Outputs:
    """The files to write for a clip, or the folders for several clips; None for none (default).

    Attributes:
        video: the labelled clip.
        timeline: a picture of the labels over time.
        csv: a table with one row for each frame.
        json: a summary.
        segments: the stretches of one label, in the format that the ending names.
        review: the folder of the review page, even for one clip; in a job, the clip's data there.
        segments_suffix: ending of the files in the folder of segments.
        video_suffix: ending of the labelled clips in their folder.
    """

    video: Path | None = None
    timeline: Path | None = None
    csv: Path | None = None
    json: Path | None = None
    segments: Path | None = None
    review: Path | None = None
    segments_suffix: str = ".csv"
    video_suffix: str = ".mp4"

    @property
    def paths(self) -> list[Path]:
        """All files or folders that are asked for."""
        files = (self.video, self.timeline, self.csv, self.json, self.segments, self.review)
        return [path for path in files if path]

    @property
    def are_folders(self) -> bool:
        """Whether the first one asked for is a folder, not counting the review page."""
        files = replace(self, review=None).paths
        return bool(files) and files[0].is_dir()

    def of_region(self, region: str) -> "Outputs":
        """Return the files of one region of the clip whose files these are.

        All regions share the labelled clip, and a file of segments that has room for them.
        """

        def of(path: Path | None) -> Path | None:
            return path and path.with_name(f"{path.stem}.{region}{path.suffix}")

        shares = self.segments is not None and holds_regions(self.segments)
        return replace(
            self,
            timeline=of(self.timeline),
            csv=of(self.csv),
            json=of(self.json),
            segments=self.segments if shares else of(self.segments),
        )

    def in_folders(self, name: str) -> "Outputs":
        """Return the files of the clip of that name in these folders; ``review`` stays one."""
        return replace(
            self,
            video=self.video and self.video / f"{name}{self.video_suffix}",
            timeline=self.timeline and self.timeline / f"{name}.png",
            csv=self.csv and self.csv / f"{name}.csv",
            json=self.json and self.json / f"{name}.json",
            segments=self.segments and self.segments / f"{name}{self.segments_suffix}",
        )
