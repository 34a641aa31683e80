#!/bin/sh
# Make the virtual environment $1 with the first Python that will do, or say what is missing.
# PYTHON, if set, is the only one tried.
set -eu

target=$1
seen=""
bare=""
for candidate in ${PYTHON:-python3.13 python3.12 python3.11 python3 python}; do
    version=$("$candidate" -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])' 2>/dev/null) || continue
    seen="$seen $candidate=$version"
    "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || continue
    # Debian ships Python without ensurepip; `venv` is there and yet makes nothing of use.
    if "$candidate" -c 'import ensurepip, venv' 2>/dev/null; then
        echo "environment: $target with $candidate $version"
        exec "$candidate" -m venv --clear "$target"
    fi
    bare="$candidate $version"
done

if [ -n "$bare" ]; then
    cat >&2 <<END
collabkit: $bare cannot make virtual environments.
  Debian, Ubuntu:  apt-get install python3-venv
  or name another: make PYTHON=/path/to/python3.12
END
else
    cat >&2 <<END
collabkit needs Python 3.11 or later; found:${seen:- none}.
  Debian 12 and later, Ubuntu 24.04 and later:  apt-get install python3 python3-venv
  macOS:                                        brew install python
  or name one:                                  make PYTHON=/path/to/python3.12
END
fi
exit 1
