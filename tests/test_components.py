"""The modules of the canvas become one text for a browser: in order, without imports, each name once."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from explainer import components
from explainer.components import FOLDER, ModuleError, core, join, streamlit_adapter

DEFAULT = "export default"
MOUNT = "export function mount"
SCRIPTS = {
    "core": (core(), [MOUNT]),
    "streamlit": (streamlit_adapter(), [DEFAULT]),
    "streamlit after core": (core() + streamlit_adapter(after_core=True), [MOUNT, DEFAULT]),
    "notebook": (core() + "\n" + components.notebook_adapter(), [MOUNT, DEFAULT]),
    "saved page": (core() + "\n" + components.saved_page_script(), [MOUNT]),
    "ledger": (components.ledger_script(), [DEFAULT]),
    "number sheet": (components.number_sheet_script(), [DEFAULT]),
    "reader": (components.reader_script(), [DEFAULT]),
    "steps": (components.steps_adapter(), [DEFAULT]),
    "steps loader": (components.steps_loader(), [DEFAULT]),
    "opening": (components.opening_script(), []),
}


def write(folder: Path, **files: str) -> None:
    for name, text in files.items():
        (folder / f"{name}.js").write_text(text, encoding="utf-8")


@pytest.mark.parametrize(("text", "exports"), SCRIPTS.values(), ids=SCRIPTS.keys())
def test_a_script_is_one_module(text: str, exports: list[str], tmp_path: Path) -> None:
    assert not re.search(r"^import\b", text, re.MULTILINE)
    assert re.findall(r"^export (?:default|\w+ \w+)", text, re.MULTILINE) == exports
    if node := shutil.which("node"):  # a name that is defined twice is a syntax error
        (tmp_path / "script.mjs").write_text(text, encoding="utf-8")
        subprocess.run([node, "--check", str(tmp_path / "script.mjs")], check=True)


def test_no_module_is_forgotten_and_none_is_long() -> None:
    text = "".join(text for text, _ in SCRIPTS.values())
    for path in FOLDER.rglob("*.js"):
        lines = path.read_text(encoding="utf-8").rstrip().split("\n")
        assert lines[-1].removeprefix("export ") in text, path
        assert len(lines) <= 300, path


def test_what_is_imported_stands_before_what_imports_it(tmp_path: Path) -> None:
    write(
        tmp_path,
        entry='// Entry.\n\nimport {\n  b,\n} from "./b.js";\nimport { a } from "./a.js";\n\nexport const c = a + b;\n',
        b='import { a } from "./a.js";\n\nexport const b = a + 1;\n',
        a="// First.\n\nexport const a = 1;\n",
    )
    assert join("entry.js", folder=tmp_path) == (
        "// First.\n\nconst a = 1;\n\n\nconst b = a + 1;\n\n// Entry.\n\nexport const c = a + b;\n"
    )
    assert join("entry.js", after="b.js", folder=tmp_path) == "// Entry.\n\nexport const c = a + b;\n"


def test_what_stands_in_a_template_string_stays(tmp_path: Path) -> None:
    template = 'const text = `\nimport { a } from "./a.js";\nexport const c = 3;\n`;\nexport const d = 4;\n'
    with pytest.raises(ModuleError, match="imports stand first"):
        write(tmp_path, entry=f"export {template}")
        join("entry.js", folder=tmp_path)
    template = template.replace("import ", " import ")
    write(tmp_path, b=f"export {template}", entry='import { text } from "./b.js";\nexport const e = text;\n')
    assert template.replace("export const d", "const d") in join("entry.js", folder=tmp_path)


def test_a_style_sheet_is_a_text(tmp_path: Path) -> None:
    (tmp_path / "a.css").write_text('.a { content: "→"; }\n', encoding="utf-8")
    write(tmp_path, entry='import style from "./a.css";\n\nexport const text = style;\n')
    assert join("entry.js", folder=tmp_path).startswith('const style = ".a { content: \\"→\\"; }\\n";\n')


X, Y = "export const x = 1;\n", "export const y = 1;\n"


@pytest.mark.parametrize(
    ("one", "other", "message"),
    [
        (f"const x = 1;\n{Y}", "export function x() {}\n", "x is defined in .* and in"),
        (f'import {{ x }} from "./b.js";\n{Y}', f'import {{ y }} from "./a.js";\n{X}', "circle: a.js -> b.js -> a.js"),
        (Y, X.removeprefix("export "), "x from b.js, which does not export it"),
        (Y, f'import * as all from "./a.js";\n{X}', "imports stand first"),
    ],
    ids=("twice", "circle", "not exported", "another form"),
)
def test_what_cannot_be_joined_is_said(one: str, other: str, message: str, tmp_path: Path) -> None:
    entry = 'import { y } from "./a.js";\nimport { x } from "./b.js";\n\nexport const z = x + y;\n'
    write(tmp_path, a=one, b=other, entry=entry)
    with pytest.raises(ModuleError, match=message):
        join("entry.js", folder=tmp_path)
