"""ELAN annotations (https://archive.mpi.nl/tla/elan), as its format 3.0 has them: XML.

A file has a tier of annotations, or one for each region, with times in whole milliseconds, and
names its clip.
"""

import mimetypes
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from urllib.parse import unquote, urlsplit
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from activity.common.errors import UserError, printable, shortened
from activity.common.stores import is_stored
from activity.temporal.formats.annotations import (
    Annotations,
    LabelledMedia,
    Media,
    NamedSegments,
    Wanted,
    as_text,
    from_text,
    in_order,
    parse_xml,
    ticks,
)
from activity.temporal.segments import Segment

_TIER = "activity"
_TYPE = "activities"
_MILLISECONDS = 1000
_SCHEMA = "http://www.mpi.nl/tools/elan/EAFv3.0.xsd"


def write(clips: Sequence[LabelledMedia], labels: Sequence[str], path: Path) -> str:
    """Make a file with one tier; of regions, with a tier for each."""
    media = clips[0].media
    document = Element(
        "ANNOTATION_DOCUMENT",
        {
            "AUTHOR": "",
            "DATE": "2000-01-01T00:00:00+00:00",
            "FORMAT": "3.0",
            "VERSION": "3.0",
            "xmlns:xsi": "http://www.w3.org/2001/XMLSchema-instance",
            "xsi:noNamespaceSchemaLocation": _SCHEMA,
        },
    )
    header = SubElement(document, "HEADER", MEDIA_FILE="", TIME_UNITS="milliseconds")
    SubElement(header, "MEDIA_DESCRIPTOR", _descriptor(media, path))
    order = SubElement(document, "TIME_ORDER")
    numbers = count(1)
    for clip in clips:
        name = as_text(clip.region) or _TIER
        tier = SubElement(document, "TIER", LINGUISTIC_TYPE_REF=_TYPE, TIER_ID=name)
        for start, end, label in ticks(clip.segments, _MILLISECONDS):
            number = next(numbers)
            slots = (f"ts{2 * number - 1}", f"ts{2 * number}")
            for slot, time in zip(slots, (start, end), strict=True):
                SubElement(order, "TIME_SLOT", TIME_SLOT_ID=slot, TIME_VALUE=str(time))
            annotation = SubElement(tier, "ANNOTATION")
            aligned = SubElement(
                annotation,
                "ALIGNABLE_ANNOTATION",
                ANNOTATION_ID=f"a{number}",
                TIME_SLOT_REF1=slots[0],
                TIME_SLOT_REF2=slots[1],
            )
            SubElement(aligned, "ANNOTATION_VALUE").text = as_text(label)
    SubElement(
        document,
        "LINGUISTIC_TYPE",
        GRAPHIC_REFERENCES="false",
        LINGUISTIC_TYPE_ID=_TYPE,
        TIME_ALIGNABLE="true",
    )
    ElementTree.indent(document)
    text = ElementTree.tostring(document, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'


def read(text: str, path: Path, wanted: Wanted) -> Annotations:
    """Read a tier: the one wanted, or the only one with known labels; or those of regions.

    The clip is the first video that the file names; an offset of it (``TIME_ORIGIN``) counts.

    Raises:
        UserError: there is no such tier, or several; annotations overlap.
    """
    document = parse_xml(text)
    if document.tag != "ANNOTATION_DOCUMENT":
        raise ValueError(f"it is a document {document.tag[:40]!r}")
    clip, origin = _media(document)
    tiers = _tiers(document)
    regions = [name for name in tiers if name in wanted.regions and wanted.tier is None]
    chosen = regions or [_chosen(path, tiers, wanted)]
    found = Annotations()
    for name in chosen:
        segments = [
            Segment((start + origin) / _MILLISECONDS, (end + origin) / _MILLISECONDS, label)
            for start, end, label in tiers.get(name, [])
            if start < end
        ]
        segments = in_order(segments, f"{path}, tier {printable(name)}")
        region = name if name in regions else ""
        found.clips.append(NamedSegments(clip, segments, region=region))
    found.left_out.extend(
        f"tier {printable(other)}" for other in tiers if other not in chosen and tiers[other]
    )
    return found


def _descriptor(media: Media, path: Path) -> dict[str, str]:
    clip = media.seen_from(path)
    is_relative = "://" not in clip and not Path(clip).is_absolute()
    kind = mimetypes.guess_type(media.path.name)[0] or "video/*"
    url = clip if is_stored(media.path) else media.path.absolute().as_uri()
    relative = {"RELATIVE_MEDIA_URL": f"./{clip}"} if is_relative else {}
    return {"MEDIA_URL": as_text(url), "MIME_TYPE": kind, **relative}


def _media(document: Element) -> tuple[str, int]:
    """Return the name of the first video, and how many milliseconds of it are skipped."""
    for media in document.iter("MEDIA_DESCRIPTOR"):
        if not (media.get("MIME_TYPE") or "").startswith("audio"):
            url = media.get("RELATIVE_MEDIA_URL") or media.get("MEDIA_URL") or ""
            name = unquote(urlsplit(url).path) if url.startswith("file:") else url
            return name.removeprefix("./"), int(media.get("TIME_ORIGIN", 0))
    return "", 0


def _tiers(document: Element) -> dict[str, list[tuple[int, int, str]]]:
    """Return the annotations of each tier that has times of its own."""
    known = {
        slot.attrib["TIME_SLOT_ID"]: int(slot.attrib["TIME_VALUE"])
        for slot in document.iter("TIME_SLOT")
        if "TIME_VALUE" in slot.attrib
    }
    tiers: dict[str, list[tuple[int, int, str]]] = {}
    for tier in document.iter("TIER"):
        annotations = tiers.setdefault(tier.attrib["TIER_ID"], [])
        for aligned in tier.iter("ALIGNABLE_ANNOTATION"):
            start = known.get(aligned.attrib["TIME_SLOT_REF1"])
            end = known.get(aligned.attrib["TIME_SLOT_REF2"])
            value = aligned.findtext("ANNOTATION_VALUE") or ""
            if start is None or end is None:
                raise ValueError(f"the annotation {value[:40]!r} has no time")
            annotations.append((start, end, from_text(value)))
    return tiers


def _chosen(path: Path, tiers: dict[str, list[tuple[int, int, str]]], wanted: Wanted) -> str:
    names = shortened([printable(name) for name in tiers])
    if wanted.tier is not None:
        if wanted.tier not in tiers:
            raise UserError(f"{path} has no tier {printable(wanted.tier)}: it has {names}")
        return wanted.tier
    filled = [name for name, annotations in tiers.items() if annotations]
    if len(filled) > 1 and wanted.labels:
        known = [n for n in filled if {label for *_, label in tiers[n]} & {*wanted.labels}]
        filled = known or filled
    if len(filled) > 1:
        raise UserError(f"{path} has several tiers: name one of them after --tier: {names}")
    return filled[0] if filled else ""
