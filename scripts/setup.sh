#!/bin/sh
# Prepare .venv: `scripts/setup.sh run` to run the app, `scripts/setup.sh test` to check and test it as well.
# Called by the Makefile. Says and does nothing when all is in place. PYTHON=python3.12 chooses the interpreter.
set -eu

cd "$(dirname "$0")/.."
purpose=${1:-}
python=${PYTHON:-python3}
venv_python=.venv/bin/python
unfinished=.venv/.setup-unfinished # there while something is being installed; left behind by an interruption

say() { printf '%s\n' "bnviz: $*"; }
stop() { say "$*" >&2; exit 1; }

# Debian's package tool, as root only; silent but for errors.
can_apt() { [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; }
apt_install() {
    DEBIAN_FRONTEND=noninteractive apt-get -qq -o Acquire::Retries=3 update &&
        DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o Acquire::Retries=3 install --no-install-recommends "$@" >/dev/null
}

version_of() { "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null; }
has_venv() { "$python" -c 'import ensurepip, venv' 2>/dev/null; }

require_python() {
    version=$(version_of "$python") ||
        stop "'$python' does not run. Install Python 3.11 or newer, or name one: PYTHON=python3.12 make $purpose"
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
        stop "'$python' is Python $version; Python 3.11 or newer is needed. Name one: PYTHON=python3.12 make $purpose"
    has_venv && return
    package=python$version-venv # Debian and Ubuntu ship Python without the part that fills a virtual environment
    if can_apt; then
        say "installing Debian's $package, which Python needs to make a virtual environment"
        apt_install "$package" || true
    fi
    has_venv || stop "'$python' cannot make a virtual environment. On Debian or Ubuntu: sudo apt-get install $package"
}

# Usable: finished, with a pip, not older than 3.11, and of the version asked for, if one was asked for.
venv_is_usable() {
    [ ! -e "$unfinished" ] && [ -x "$venv_python" ] || return 1
    "$venv_python" -c 'import pip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || return 1
    [ -z "${PYTHON:-}" ] || [ "$(version_of "$PYTHON")" = "$(version_of "$venv_python")" ]
}

# The stamp holds a checksum of the requirement files it stands for: changed files, or none, mean: install.
fingerprint() { cat -- "$@" | cksum; }
is_stamped() { [ -e ".venv/.setup-$1" ] && [ "$(cat ".venv/.setup-$1")" = "$(fingerprint $2)" ]; }

install_packages() { # purpose, requirements file, all files that decide what is installed
    if venv_is_usable; then
        is_stamped "$1" "$3" && return
    else
        require_python
        say "making a virtual environment in .venv with Python $(version_of "$python")"
        rm -rf .venv
        mkdir .venv
        : >"$unfinished"
        "$python" -m venv .venv
    fi
    : >"$unfinished"
    say "installing $2 into .venv; the first time this takes some minutes"
    status=0
    "$venv_python" -m pip install --disable-pip-version-check --no-input --requirement "$2" || status=$?
    [ "$status" -ge 128 ] || rm "$unfinished" # pip that gives up tidies up; pip that is killed does not
    [ "$status" = 0 ] || stop "not everything could be installed (see above). 'make $purpose' tries again."
    fingerprint $3 >".venv/.setup-$1"
}

find_chromium() { command -v chromium || command -v chromium-browser || command -v google-chrome; }

install_chromium() {
    find_chromium >/dev/null && return
    if can_apt; then
        say "installing Debian's chromium for the browser tests"
        apt_install chromium && find_chromium >/dev/null && return
    fi
    say "NOTE: no Chromium found, so the browser tests will be SKIPPED. On Debian: sudo apt-get install chromium"
}

trap 'exit 130' INT TERM

# One set-up at a time, where flock exists: a second terminal waits instead of installing over the first.
exec 9<scripts/setup.sh
if command -v flock >/dev/null; then flock 9 || true; fi

export PIP_RETRIES="${PIP_RETRIES:-5}" PIP_DEFAULT_TIMEOUT="${PIP_DEFAULT_TIMEOUT:-60}"
run_files="requirements.txt constraints.txt"
test_files="requirements-dev.txt $run_files"

case $purpose in
    run) install_packages run requirements.txt "$run_files" ;;
    test)
        install_packages test requirements-dev.txt "$test_files"
        is_stamped run "$run_files" || fingerprint $run_files >.venv/.setup-run # test needs include run needs
        install_chromium
        ;;
    *) stop "usage: scripts/setup.sh run|test" ;;
esac
