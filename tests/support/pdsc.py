"""Reads a CMSIS-Pack, strictly: what Open-CMSIS-Pack's documentation says of what Ascua writes.

https://open-cmsis-pack.github.io/Open-CMSIS-Pack-Spec/main/html/packFormat.html
"""

from __future__ import annotations

import posixpath
import re
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

XS = "{http://www.w3.org/2001/XMLSchema-instance}"
NAME, VERSION, IDENTIFIER, PATH = r"[-\w]+", r"\d+\.\d+\.\d+", r"[\w.+-]+", r"[^\\: ]+"
CID, CSUB = r"[A-Za-z0-9][\w+()'/\-\s.]{1,31}", r"[A-Za-z0-9][\w+():/\- .]{0,31}"
CORES = (
    "Cortex-M0", "Cortex-M0+", "Cortex-M1", "Cortex-M3", "Cortex-M4", "Cortex-M7", "Cortex-M23",
    "Cortex-M33", "Cortex-M35P", "Cortex-M52", "Cortex-M55", "Cortex-M85", "SC000", "SC300",
    "Star-MC1",
)  # fmt: skip
"""Of the schema's cores those that are Cortex-M, by names that conditions may use."""


@dataclass(frozen=True)
class Rule:
    """What an element has: its children, its attributes, its text, each as a pattern.

    Children are their names, each with a blank behind it, in order; sorted where the schema takes
    `any_order`. An attribute whose name ends with `?` may be missing.
    """

    children: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)
    text: str = r"\s*"
    any_order: bool = False


FILTER = Rule(attributes={
    "Dcore?": "|".join(map(re.escape, CORES)), "Ddsp?": "DSP|NO_DSP",
    "Dfpu?": "NO_FPU|SP_FPU|DP_FPU", "Dmve?": "NO_MVE|MVE|FP_MVE",
    "Tcompiler?": "GCC|ARMCC|IAR|CLANG", "Toptions?": "AC5|AC6|AC6LTO", "condition?": IDENTIFIER,
})  # fmt: skip
RULES = {
    "package": Rule(
        "components (conditions )?description (examples )?(keywords )?name releases (taxonomy )?"
        "url vendor ",
        {"schemaVersion": r"1\.7\.\d+", f"{XS}noNamespaceSchemaLocation": r"PACK\.xsd"},
        any_order=True,
    ),
    "package/vendor": Rule(text=NAME),
    "package/name": Rule(text=NAME),
    "package/description": Rule(text=".{1,256}"),
    "package/url": Rule(text=r"(https?://\S+/)?"),
    "package/releases": Rule("(release )+"),
    "package/releases/release": Rule(
        attributes={"version": VERSION, "date?": r"\d{4}-\d\d-\d\d"}, text=".+"
    ),
    "package/keywords": Rule("(keyword )+"),
    "package/keywords/keyword": Rule(text=".+"),
    "package/taxonomy": Rule("(description )+"),
    "package/taxonomy/description": Rule(attributes={"Cclass": CID, "Cgroup?": CID}, text=".+"),
    "package/conditions": Rule("(condition )+"),
    "package/conditions/condition": Rule(
        "(description )?((accept|require|deny) )+", {"id": IDENTIFIER}
    ),
    "package/conditions/condition/description": Rule(text=".{1,256}"),
    **{f"package/conditions/condition/{k}": FILTER for k in ("accept", "require", "deny")},
    "package/examples": Rule("(example )+"),
    "package/examples/example": Rule(
        "description (board )*project (attributes )?",
        {"name": ".+", "folder": PATH, "doc": PATH, "version?": VERSION},
    ),
    "package/examples/example/description": Rule(text=".{1,256}"),
    "package/examples/example/project": Rule("(environment )+"),
    "package/examples/example/project/environment": Rule(
        attributes={"name": "csolution", "load": r"[\w-]+\.csolution\.yml"}
    ),
    "package/examples/example/attributes": Rule("((category|component|keyword) )+"),
    "package/examples/example/attributes/component": Rule(
        attributes={"Cvendor?": NAME, "Cclass": CID, "Cgroup?": CID, "Csub?": CSUB}
    ),
    "package/components": Rule("(component )+"),
    "package/components/component": Rule(
        "description files ",
        {"Cclass": CID, "Cgroup": CID, "Csub?": CSUB, "Cversion": VERSION, "condition": IDENTIFIER},
        any_order=True,
    ),
    "package/components/component/description": Rule(text=".{1,256}"),
    "package/components/component/files": Rule("(file )+"),
    "package/components/component/files/file": Rule(
        attributes={
            "category": "doc|header|source", "name": PATH, "scope?": "public|private",
            "condition?": IDENTIFIER,
        }
    ),
}  # fmt: skip
ENDS = {"doc": ".md", "header": ".h", "source": ".c"}


@dataclass(frozen=True)
class Pack:
    """A pack that was read: its files, and what its description says."""

    files: Mapping[str, bytes]
    description: Element

    def find(self, path: str) -> list[Element]:
        """The elements at a path."""
        return self.description.findall(path)

    @property
    def conditions(self) -> dict[str, Element]:
        """The conditions by their identifiers."""
        return {c.attrib["id"]: c for c in self.find("conditions/condition")}

    def holds(self, condition: str, target: Mapping[str, str]) -> bool:
        """Whether a condition is true of a target: of its device and its compiler.

        That is where at least one `accept` is, if there is any, every `require`, and no `deny`.
        """
        of = self.conditions[condition]

        def true(kind: str) -> list[bool]:
            return [self._true(e, target) for e in of.findall(kind)]

        accepted = true("accept")
        return (any(accepted) or not accepted) and all(true("require")) and not any(true("deny"))

    def _true(self, expression: Element, target: Mapping[str, str]) -> bool:
        return all(
            self.holds(value, target) if name == "condition" else target[name] == value
            for name, value in expression.attrib.items()
        )

    def chosen(self, target: Mapping[str, str]) -> list[Element]:
        """The files that the components give to a target."""
        there = [
            c
            for c in self.find("components/component")
            if self.holds(c.attrib["condition"], target)
        ]
        return [
            f for c in there for f in c.findall("files/file")
            if "condition" not in f.attrib or self.holds(f.attrib["condition"], target)
        ]  # fmt: skip


def read(path: Path) -> Pack:
    """The pack at `path`. Raises AssertionError for the first thing that is wrong."""
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        assert len(names) == len(set(names)), "a file twice"
        files = {n: archive.read(n) for n in names}
    described = [n for n in files if n.endswith(".pdsc")]
    assert len(described) == 1, described
    pack = Pack(files, ElementTree.fromstring(files[described[0]]))
    assert pack.description.tag == "package"
    _check(pack.description, "package")
    _check_names(pack, path.name, described[0])
    _check_conditions(pack)
    _check_files(pack, described[0])
    return pack


def _check(element: Element, path: str) -> None:
    """The element and all in it are as the schema has them."""
    assert path in RULES, f"{path}: the schema has no such element"
    rule = RULES[path]
    names = [c.tag for c in element]
    order = "".join(f"{n} " for n in (sorted(names) if rule.any_order else names))
    assert re.fullmatch(rule.children, order), f"{path}: its children are {order}"
    assert re.fullmatch(rule.text, element.text or ""), f"{path}: its text is {element.text!r}"
    known = {name.rstrip("?"): pattern for name, pattern in rule.attributes.items()}
    for name, value in element.attrib.items():
        assert name in known, f"{path}: no attribute {name}"
        assert re.fullmatch(known[name], value), f"{path}: {name} is {value!r}"
    missing = {n for n in rule.attributes if not n.endswith("?")} - {*element.attrib}
    assert not missing, f"{path}: without {missing}"
    for child in element:
        _check(child, f"{path}/{child.tag}")


def _check_names(pack: Pack, archive: str, described: str) -> None:
    """Names and versions are those of the files; nothing is there twice."""
    vendor, name = (pack.description.findtext(key) for key in ("vendor", "name"))
    releases = [r.attrib["version"] for r in pack.find("releases/release")]
    assert described == f"{vendor}.{name}.pdsc"
    expected = f"{vendor}.{name}.{releases[0]}.pack"
    assert archive == expected, f"{archive} should be {expected}"
    assert len(releases) == len(set(releases))
    every = [tuple(_identity(c)) for c in pack.find("components/component")]
    assert len(every) == len(set(every)), "a component twice"
    assert {c.attrib["Cversion"] for c in pack.find("components/component")} <= {*releases}
    for used in pack.find("examples/example/attributes/component"):
        assert tuple(_identity(used)) in every, f"an example of {used.attrib}"


def _identity(component: Element) -> Iterator[str]:
    return (component.attrib.get(key, "") for key in ("Cclass", "Cgroup", "Csub"))


def _check_conditions(pack: Pack) -> None:
    """Each is there once, is used, is of one kind, and leads to no other in a circle."""
    names = [c.attrib["id"] for c in pack.find("conditions/condition")]
    assert len(names) == len(set(names)), "a condition twice"
    used = {e.attrib["condition"] for e in pack.description.iter() if "condition" in e.attrib}
    assert used == {*names}, f"conditions unknown or unused: {used ^ {*names}}"
    for condition in pack.conditions.values():
        for expression in condition:
            kinds = {name[0] for name in expression.attrib}
            assert expression.tag == "description" or len(kinds) == 1, expression.attrib
    leads = {
        name: {e.attrib["condition"] for e in c if "condition" in e.attrib}
        for name, c in pack.conditions.items()
    }
    while leads:
        ends = [n for n, to in leads.items() if not to & {*leads}]
        assert ends, f"conditions in a circle: {sorted(leads)}"
        leads = {n: to for n, to in leads.items() if n not in ends}


def _check_files(pack: Pack, described: str) -> None:
    """Every file that is named is there, and every one that is there is named."""
    named = {described}
    for component in pack.find("components/component"):
        files = [f.attrib["name"] for f in component.findall("files/file")]
        assert len(files) == len(set(files)), "a file twice"
        named |= {*files}
    for file in pack.find("components/component/files/file"):
        ending = ENDS[file.attrib["category"]]
        assert file.attrib["name"].endswith(ending), file.attrib
        assert "scope" not in file.attrib or file.attrib["category"] == "header", file.attrib
    for example in pack.find("examples/example"):
        named |= {_path(example, example.attrib["doc"])}
        for environment in example.findall("project/environment"):
            named |= {*_of_solution(pack, _path(example, environment.attrib["load"]))}
    assert named == {*pack.files}, f"files unknown or unnamed: {sorted(named ^ {*pack.files})}"


def _path(example: Element, path: str) -> str:
    return posixpath.normpath(posixpath.join(example.attrib["folder"], path))


def _of_solution(pack: Pack, solution: str) -> Iterator[str]:
    """A csolution file, its cproject files, and the files of these."""
    yield solution
    folder = posixpath.dirname(solution)
    for project in _values(pack, solution, "project"):
        yield f"{folder}/{project}"
        for file in _values(pack, f"{folder}/{project}", "file"):
            yield f"{folder}/{file}"


def _values(pack: Pack, path: str, key: str) -> list[str]:
    """Values of a list of `- key: value` in YAML."""
    assert path in pack.files, f"no file {path}"
    return re.findall(rf"^ *- {key}: (\S+)$", pack.files[path].decode(), re.MULTILINE)
