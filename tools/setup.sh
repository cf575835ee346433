#!/bin/sh
# Makes .venv and installs the workbook into it; `make setup` calls this, from the repository's root.
#   PYTHON       interpreter to use (default: the first fitting one of python3, python3.13 … python3.10)
#   TORCH_INDEX  extra package index for torch, e.g. one that holds CPU builds
# A second run finds the stamp and ends at once. POSIX sh, since make promises no other shell.
set -eu

root=$(pwd -P)
venv=$root/.venv
stamp=$venv/.xmodal-setup
python=${PYTHON:-}
torch_index=${TORCH_INDEX:-}

say() { printf '%s\n' "setup: $*"; }
fail() {
    printf '%s\n' "setup: $1" >&2
    shift
    for line in "$@"; do printf '%s\n' "       $line" >&2; done
    exit 1
}

# --- the stamp: what was installed, where, and from what --------------------------------------
# Sums, not file times: a checkout touches files without changing them.
wanted_stamp() {
    printf '%s\n' "root $root"
    cksum pyproject.toml constraints.txt tools/setup.sh
}

version_of() { "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null; }

fits() { case $(version_of "$1") in 3.10 | 3.11 | 3.12 | 3.13) return 0 ;; *) return 1 ;; esac; }

# Another interpreter is asked for only where PYTHON names one; the python3 of the day may change
# (conda, an update of the system) without a reason to download everything anew.
other_python_wanted() {
    [ -n "$python" ] || return 1
    asked=$(version_of "$python") || return 1
    [ "$asked" != "$(version_of "$venv/bin/python")" ]
}

is_current() {
    [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$(wanted_stamp)" ] &&
        fits "$venv/bin/python" && ! other_python_wanted
}

# --- one set-up at a time ---------------------------------------------------------------------
lock() {
    if command -v flock >/dev/null 2>&1; then
        # Held until the last process of this set-up ends, a pip orphaned by kill -9 included.
        exec 9>>"$root/.venv.lock"
        flock -n 9 && return 0
        say "another set-up is running here; waiting for it."
        flock 9
        return 0
    fi
    lock_folder=$root/.venv.lock.d
    told=
    while ! mkdir "$lock_folder" 2>/dev/null; do
        owner=$(cat "$lock_folder/pid" 2>/dev/null || true)
        if [ -z "$owner" ]; then
            sleep 1 # its owner may be about to write its number
            owner=$(cat "$lock_folder/pid" 2>/dev/null || true)
        fi
        if [ -z "$owner" ] || ! kill -0 "$owner" 2>/dev/null; then
            say "removing the lock of a set-up that was stopped."
            rm -rf "$lock_folder"
            continue
        fi
        [ -n "$told" ] || say "another set-up (process $owner) is running here; waiting for it."
        told=yes
        sleep 1
    done
    echo $$ >"$lock_folder/pid"
    trap 'rm -rf "$lock_folder"' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
}

# --- the interpreter --------------------------------------------------------------------------
choose_python() {
    if [ -n "$python" ]; then
        command -v "$python" >/dev/null 2>&1 || fail "PYTHON=$python was not found."
        fits "$python" || fail "$python is Python $(version_of "$python"); the workbook needs 3.10 to 3.13." \
            "Name another one: make setup PYTHON=/path/to/python3.12"
        return 0
    fi
    for name in python3 python3.13 python3.12 python3.11 python3.10; do
        if command -v "$name" >/dev/null 2>&1 && fits "$name"; then
            python=$name
            return 0
        fi
    done
    if command -v python3 >/dev/null 2>&1; then
        fail "python3 is Python $(version_of python3); the workbook needs 3.10 to 3.13." \
            "Install one of them and name it: make setup PYTHON=/path/to/python3.12"
    fi
    fail "no python3 was found. Install Python 3.10 to 3.13, or name one: make setup PYTHON=/path/to/python3.12"
}

check_venv_can_be_made() {
    "$python" -c 'import venv, ensurepip' 2>/dev/null ||
        fail "$python cannot make virtual environments: its modules venv and ensurepip are missing." \
            "On Debian and Ubuntu: sudo apt install python$(version_of "$python")-venv (or python3-venv)"
}

make_venv() {
    say "making .venv with Python $(version_of "$python")."
    "$python" -m venv "$venv" || fail "the virtual environment could not be made (see above)." \
        "Is there space on the disk, and may you write to $root?"
}

# Prints why an existing .venv cannot be used; prints nothing where it can.
why_unusable() {
    if ! "$venv/bin/python" -c '' 2>/dev/null; then
        echo "its Python no longer runs (was it moved or upgraded?)"
    elif ! fits "$venv/bin/python"; then
        echo "its Python $(version_of "$venv/bin/python") is not one of 3.10 to 3.13"
    elif other_python_wanted; then
        echo "it was made by Python $(version_of "$venv/bin/python"), not $(version_of "$python")"
    elif ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
        echo "it has no working pip (an interrupted set-up?)"
    elif ! head -n 3 "$venv/bin/pip" 2>/dev/null | grep -qF "$venv/bin/python"; then
        echo "it was made in another folder"
    fi
}

# A pip killed in the middle leaves a package whose metadata is there and whose files may not be:
# pip would call it satisfied. RECORD is written last, so its absence tells.
drop_half_installed() {
    for site in "$venv"/lib/python3.*/site-packages; do
        for info in "$site"/*.dist-info; do
            [ ! -d "$info" ] || [ -f "$info/RECORD" ] || {
                say "$(basename "$info" .dist-info) was half installed; installing it again."
                rm -rf "$info"
            }
        done
        rm -rf "$site"/~*
    done
}

# --- pip --------------------------------------------------------------------------------------
pip_install() {
    # --no-user: some systems set PIP_USER, with which pip refuses to work in an environment.
    # Somebody who watches sees what is fetched; a log only gets what went wrong.
    quiet=--quiet
    [ ! -t 1 ] || quiet=
    # shellcheck disable=SC2086
    "$venv/bin/python" -m pip install $quiet --disable-pip-version-check --no-user \
        --no-warn-script-location -c constraints.txt "$@" || fail "pip could not install: $* (its message is above)." \
        "No network? The first set-up needs one; afterwards everything works without." \
        "Behind a proxy: export HTTPS_PROXY=http://host:port" \
        "With your own mirror or folder of wheels: export PIP_INDEX_URL=… or PIP_FIND_LINKS=…" \
        "No space? An environment takes about 2 GB, with CUDA about 8 GB: df -h ." \
        "What is already installed stays: run the same command again to go on."
}

install() {
    say "installing; the first time this takes some minutes."
    pip_install pip setuptools
    # torch first and alone: with an extra index, only torch's own packages are looked up there.
    if [ -n "$torch_index" ]; then
        pip_install --extra-index-url "$torch_index" torch torchaudio
    else
        if [ "$(uname -s)-$(uname -m)" = Linux-x86_64 ] && ! command -v nvidia-smi >/dev/null 2>&1 &&
            ! "$venv/bin/python" -c 'import torch' 2>/dev/null; then
            say "no NVIDIA GPU seen. If pip starts to fetch gigabytes of CUDA packages, stop it (Ctrl-C) and run:"
            say "    make setup TORCH_INDEX=https://download.pytorch.org/whl/cpu"
        fi
        pip_install torch torchaudio
    fi
    # The pinned setuptools builds the project itself: no second one is fetched for that.
    # Its warning about the folder's name is for people who package, not for those who learn.
    (
        export PYTHONWARNINGS=ignore
        pip_install --no-build-isolation -e '.[dev]'
    )
    "$venv/bin/python" -c 'import xmodal_lab' ||
        fail "everything is installed, but xmodal_lab cannot be imported (see above)." \
            "Delete .venv and run make setup again; if that does not help, please report it."
}

[ -f pyproject.toml ] && [ -f constraints.txt ] ||
    fail "run this in the repository's root folder, or as: make -C /path/to/it setup"
case $root in
*:*) fail "a virtual environment cannot live in a folder with ':' in its name: $root" "Move the repository and try again." ;;
esac

[ -z "$python" ] || choose_python # a wrong PYTHON is said at once, before anything is removed
if is_current; then exit 0; fi
lock
if is_current; then exit 0; fi # another set-up has just done it

rm -f "$stamp"
reason=
if [ -e "$venv" ] || [ -L "$venv" ]; then reason=$(why_unusable); fi
if [ -n "$reason" ] || [ ! -d "$venv" ]; then
    choose_python
    check_venv_can_be_made
    [ -z "$reason" ] || say "building .venv anew: $reason."
    rm -rf "$venv"
    make_venv
fi
drop_half_installed
install
wanted_stamp >"$stamp.new"
mv "$stamp.new" "$stamp"
say "ready."
