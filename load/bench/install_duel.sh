#!/usr/bin/env bash
# What the media duel needs beside Python: Janus, a C compiler and libsrtp's headers.
set -euo pipefail
missing=()
command -v janus >/dev/null || missing+=(janus)
command -v gcc >/dev/null || missing+=(gcc)
command -v ip >/dev/null || missing+=(iproute2)
command -v taskset >/dev/null || missing+=(util-linux)
test -e /usr/include/srtp2/srtp.h || missing+=(libsrtp2-dev)
if [ ${#missing[@]} -gt 0 ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  echo "Installing ${missing[*]} for the duel"
  apt-get update -qq
  apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
elif [ ${#missing[@]} -gt 0 ]; then
  echo "The duel needs ${missing[*]}: as root, apt-get install ${missing[*]}" >&2
fi
