"""What the wheel holds: the packages, and inside them the folders that a checkout has next to them."""

from pathlib import Path

from setuptools import find_packages, setup

# a folder of the checkout -> where it lies once installed; vit_core/resources.py finds either
FOLDERS = {"vit_core.assets": "assets", "explainer.pages": "pages", "explainer.configuration": ".streamlit"}


def files_below(folder: str) -> list[str]:
    """Every file, relative to the folder; a pattern would leave out what begins with a point."""
    paths = sorted(path for path in Path(folder).rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return [path.relative_to(folder).as_posix() for path in paths]


setup(
    packages=[*find_packages(include=["vit_core*", "explainer*"]), *FOLDERS],
    package_dir=FOLDERS,
    package_data={
        "": ["templates/*.html"],  # of any package
        "vit_core": ["py.typed"],
        "explainer": ["py.typed"],
        "explainer.components": ["**/*.js", "**/*.css"],
        **{package: files_below(folder) for package, folder in FOLDERS.items()},
    },
)
