"""Instances of Hudl Sportscode, LongoMatch and others: XML, with times in seconds."""

from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from activity.temporal.formats.annotations import (
    Annotations,
    LabelledMedia,
    NamedSegments,
    Wanted,
    as_text,
    from_text,
    in_order,
    parse_xml,
    start_of,
)
from activity.temporal.segments import Segment


def write(clips: Sequence[LabelledMedia], labels: Sequence[str], path: Path) -> str:
    """Make a file with an instance for each segment, with times to the microsecond."""
    ((_, segments, _),) = clips
    document = Element("file")
    instances = SubElement(document, "ALL_INSTANCES")
    labelled = (segment for segment in segments if segment.label)
    for number, (start, end, label) in enumerate(labelled, 1):
        instance = SubElement(instances, "instance")
        SubElement(instance, "ID").text = str(number)
        SubElement(instance, "start").text = f"{start:.6f}"
        SubElement(instance, "end").text = f"{end:.6f}"
        SubElement(instance, "code").text = as_text(label)
    ElementTree.indent(document)
    text = ElementTree.tostring(document, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'


def is_one(path: Path) -> bool:
    """Tell whether an XML file has instances."""
    return b"<ALL_INSTANCES" in start_of(path)


def read(text: str, path: Path, wanted: Wanted) -> Annotations:
    """Read the instances; their labels (other than the code) do not matter.

    Raises:
        UserError: instances overlap.
    """
    instances = parse_xml(text).find("ALL_INSTANCES")
    if instances is None:
        raise ValueError("it has no ALL_INSTANCES")
    segments = [
        Segment(
            float(instance.findtext("start", "")),
            float(instance.findtext("end", "")),
            from_text(instance.findtext("code", "")),
        )
        for instance in instances.iter("instance")
    ]
    return Annotations([NamedSegments("", in_order(segments, str(path)))])
