"""The nets themselves: a bug is planted in a copy of the source, and the net has to find it.

tests/plants/NET-WHAT.patch is a bug: a patch as `git diff` writes it, and before it text: what it is; a line
`says: PATTERN`, a regular expression of what the net has to say, lest it goes red for another reason; and
optionally a line `only: PART ...`, the parts of the net that have to find it.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from workshop import machine, parts
from workshop.nets.net import FoundError, Net, Run
from workshop.paths import BUILD, SOURCE
from workshop.steps import StepError, report, run

PLANTS = SOURCE / "tests" / "plants"


@dataclass(frozen=True)
class Plant:
    patch: Path
    net: Net
    says: str
    only: tuple[str, ...]

    @property
    def name(self) -> str:
        return self.patch.stem


def _told(text: str, key: str) -> str:
    """What stands behind that word in the text before the patch; nothing if it is not there."""
    for line in text.split("\ndiff ")[0].splitlines():
        if line.startswith(f"{key}:"):
            return line.removeprefix(f"{key}:").strip()
    return ""


def _plant(patch: Path, net: Net) -> Plant:
    text = patch.read_text("utf-8")
    says = _told(text, "says")
    if not says:
        raise StepError(f"{patch.name} does not tell what {net.name} has to say: a line `says: PATTERN`")
    return Plant(patch, net, says, tuple(_told(text, "only").split()))


def plants(nets: tuple[Net, ...]) -> Iterator[Plant]:
    """What is planted for these nets."""
    for patch in sorted(PLANTS.glob("*.patch")):
        net = next((net for net in nets if patch.stem.startswith(net.name + "-")), None)
        if net:
            yield _plant(patch, net)


def _tracked() -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=SOURCE,
        capture_output=True,
        check=True,
    )
    return [name for name in listed.stdout.decode().split("\0") if name]


def _planted_copy(plant: Plant) -> Path:
    folder = BUILD / "plants" / plant.name / "source"
    shutil.rmtree(folder, ignore_errors=True)
    for name in _tracked():
        if (SOURCE / name).is_file():
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(SOURCE / name, target)
    run(["patch", "-p1", "-i", plant.patch], f"plant-{plant.name}", limit_s=60, cwd=folder)
    return folder


def must_find(plant: Plant) -> str:
    """Run the net on the planted bug: what it said of it; StepError if it found nothing or something else."""
    source = _planted_copy(plant)
    plant.net.prepare()
    try:
        plant.net.work(Run(source, source.parent / "build", full=False, only=plant.only))
    except FoundError as found:
        said = re.search(f".*(?:{plant.says}).*", str(found))
        if said:
            return said.group().strip()
        raise StepError(
            f"{plant.net.name} found something that {plant.patch.name} does not plant, {plant.says}:\n{found}"
        ) from found
    raise StepError(f"{plant.net.name} did not find the bug that {plant.patch.name} plants")


def must_find_all(nets: tuple[Net, ...]) -> int:
    """Each plant of these nets, found: how many there are."""
    machine.debian(parts.PATCH)
    planted = list(plants(nets))
    number = 0
    for blind in [net.name for net in nets if not any(plant.net is net for plant in planted)]:
        report.say(f"  {blind}: no bug is planted for it")
    if not planted:
        raise StepError("no bug is planted for what was asked for")
    for plant in planted:
        report.begin(f"Planting {plant.name}")
        report.finish(must_find(plant))
        number += 1
    return number
