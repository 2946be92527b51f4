#!/usr/bin/env bash
# Makes sure there is a real coturn, and what two hosts on one machine need, for the relay's tests.
set -euo pipefail
missing=()
command -v turnserver >/dev/null || missing+=(coturn)
command -v ip >/dev/null || missing+=(iproute2)
command -v nft >/dev/null || missing+=(nftables)
if [ ${#missing[@]} -eq 0 ]; then exit 0; fi
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
  echo "The relay's tests need ${missing[*]}. As root: apt-get install ${missing[*]}" >&2
  exit 1
fi
echo "Installing ${missing[*]} for the relay's tests" >&2
apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
