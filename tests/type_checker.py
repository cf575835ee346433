"""beartype, for whom a whole number is a float too, as it is for everybody else."""

from beartype import BeartypeConf, beartype

checked = beartype(conf=BeartypeConf(is_pep484_tower=True))
