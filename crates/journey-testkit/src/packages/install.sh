# Installs Debian's packages "$@" without starting the servers that they bring. Runs as root, without input.
set -eu
export DEBIAN_FRONTEND=noninteractive
policy=/usr/sbin/policy-rc.d
saved=$policy.journey-saved
mark='# temporary, by the journey installer'

ours() { [ -e "$policy" ] && grep -qxF "$mark" "$policy"; }

restore() {
  if ours; then rm -f "$policy"; fi
  if [ -e "$saved" ]; then mv "$saved" "$policy"; fi
}

# However this ends. A signal is answered after apt-get itself has come to an end.
trap restore EXIT
trap 'exit 130' HUP INT TERM

# A policy of the machine's owner steps aside and comes back; ours may be left from a run that was killed.
if [ -e "$policy" ] && ! ours; then mv "$policy" "$saved"; fi
printf '#!/bin/sh\n%s\nexit 101\n' "$mark" > "$policy"
chmod 755 "$policy"

update() { apt-get -q -o DPkg::Lock::Timeout=120 update; }
install() { apt-get -q -y -o DPkg::Lock::Timeout=120 install --no-install-recommends "$@"; }

if [ -z "$(find /var/lib/apt/lists -maxdepth 1 -type f ! -name lock 2>/dev/null)" ]; then update; fi
# Old lists name versions that the archive no longer has.
install "$@" || { update && install "$@"; }
