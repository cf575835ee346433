"""What pyproject.toml cannot say: the folder data/ travels as xmodal_lab/data in a wheel."""

from setuptools import find_packages, setup

setup(
    packages=[*find_packages(include=["xmodal_lab*"]), "xmodal_lab.data"],
    package_dir={"xmodal_lab.data": "data"},
    package_data={"xmodal_lab.data": ["*"]},
)
