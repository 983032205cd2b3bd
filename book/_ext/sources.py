"""Pages of the library's sources, and links to them: from figures, from the cells of chapters, and from each other.

A name of the library leads to where it is defined, wherever it is used.
"""

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import PurePosixPath
from typing import NamedTuple

import nbformat
from docutils import nodes
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer
from sphinx.application import Sphinx

from lrm_core.paths import repository_root

LINKED = re.compile(r'href="\.\./(?P<module>lrm_core/[\w/]+)\.py#L(?P<line>\d+)"')  # by figures
NAME = re.compile(
    r'(?P<dot><span class="o">\.</span>)?(?P<shown><span class="n">(?P<name>\w+)</span>)(?!<span class="o">=)'
)
LOOK = HtmlFormatter(linespans="L", linenos="inline", cssclass="highlight lrm-source", wrapcode=True)


class Place(NamedTuple):
    """A line of a module, which is a path such as "lrm_core/spectral/bands"; line 0 is the module itself."""

    module: str
    line: int

    @property
    def address(self) -> str:
        """Of its page, from the root of the site."""
        return f"source/{self.module}.html" + (f"#L-{self.line}" if self.line else "")


@cache
def _tree(module: str) -> ast.Module:
    return ast.parse(_code(module))


def _code(module: str) -> str:
    return (repository_root() / f"{module}.py").read_text(encoding="utf-8")


def _module(name: str) -> str | None:
    """The path of a module or package by its dotted name; None where the library has none."""
    path = name.replace(".", "/")
    paths = (path, f"{path}/__init__") if name.partition(".")[0] == "lrm_core" else ()
    return next((path for path in paths if (repository_root() / f"{path}.py").is_file()), None)


@cache
def _defined(module: str) -> dict[str, int]:
    """Lines of the functions, classes and constants of a module."""
    found = {}
    for node in _tree(module).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found[node.name] = node.lineno
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            parts = (part for target in targets for part in ast.walk(target))
            found |= {part.id: node.lineno for part in parts if isinstance(part, ast.Name)}
    return found


def _imports(nodes: Iterable[ast.AST]) -> Iterator[tuple[str, str, str]]:
    """The name that some code gives to what it imports from the library, the module, and its name there."""
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and (module := _module(node.module or "")):
            yield from ((each.asname or each.name, module, each.name) for each in node.names)


def _imported(tree: ast.Module) -> dict[str, Place]:
    """Where the names are defined that some code imports from the library."""
    found = {name: _place(module, there) for name, module, there in _imports(ast.walk(tree))}
    return {name: place for name, place in found.items() if place}


@cache
def _place(module: str, name: str) -> Place | None:
    """Where a name of a module is defined, which may be elsewhere."""
    if line := _defined(module).get(name):
        return Place(module, line)
    for known, elsewhere, there in _imports(_tree(module).body):
        if known == name and elsewhere != module:
            return _place(elsewhere, there)
    inner = _module(f"{module.removesuffix('/__init__').replace('/', '.')}.{name}")
    return Place(inner, 0) if inner else None


def _with_links(html: str, names: Mapping[str, Place], root: str) -> str:
    """Highlighted code whose names lead to where they are defined; `root` is the way to the root of the site."""
    last: Place | None = None

    def link(found: re.Match) -> str:
        nonlocal last
        if found["dot"]:
            last = _place(last.module, found["name"]) if last and not last.line else None
        else:
            last = names.get(found["name"])
        shown = f'<a href="{root}{last.address}">{found["shown"]}</a>' if last else found["shown"]
        return f"{found['dot'] or ''}{shown}"

    return NAME.sub(link, html)


def _complete(app: Sphinx, page: str, template: str, context: dict, doctree: nodes.document | None) -> None:
    """Links from a chapter: those of its figures, and the names in its cells."""
    if page.startswith("notebooks/"):
        body = LINKED.sub(r'href="../source/\g<module>.html#L-\g<line>"', context["body"])
        cells = nbformat.read(app.env.doc2path(page), as_version=4).cells
        code = "\n".join(cell.source for cell in cells if cell.cell_type == "code")
        context["body"] = _with_links(body, _imported(ast.parse(code)), "../")


def _pages(app: Sphinx) -> Iterator[tuple[str, dict, str]]:
    """A page for every module, each line with an address; none where they are: a changed library clears them."""
    if (app.outdir / "source" / "lrm_core" / "__init__.html").is_file():
        return
    for path in sorted((repository_root() / "lrm_core").rglob("*.py")):
        module = path.relative_to(repository_root()).with_suffix("").as_posix()
        own = {name: Place(module, line) for name, line in _defined(module).items()}
        code = highlight(_code(module), PythonLexer(), LOOK)
        linked = _with_links(code, own | _imported(_tree(module)), "../" * (module.count("/") + 1))
        body = f"<h1>{PurePosixPath(module).name}.py</h1>{linked}"
        yield f"source/{module}", {"title": f"{module}.py", "body": body}, "page.html"


def setup(app: Sphinx) -> dict:
    """Register what links to the pages of sources, and what makes them."""
    app.connect("html-page-context", _complete)
    app.connect("html-collect-pages", _pages)
    return {"parallel_read_safe": True}
