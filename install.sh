#!/bin/sh
# Installs trasa-agent on a Linux host with systemd, and takes it off again. `sh install.sh --help` says how.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P)
prefix=/usr/local
mode=
action=install
dry_run=
purge=

usage() {
  cat <<'HELP'
Usage: sh install.sh [--dry-run] [--files] [--prefix DIRECTORY]
       sh install.sh --uninstall [--purge] [--dry-run] [--prefix DIRECTORY]

Installs trasa-agent from this checkout or unpacked release. It changes no login: sshd and PAM do not know of it yet.

Where there is apt, the packages in dist/deb are installed by it (npm run package makes them). Elsewhere, or with --files,
the files of dist/ go below PREFIX, the units into /etc/systemd/system, the module to those of PAM.

  --dry-run       say what would be done, file by file, and do nothing
  --files         plain files, even where there is apt
  --prefix DIR    instead of /usr/local
  --uninstall     put back exactly what was. First sshd and PAM forget the agent; if they cannot, nothing is removed.
                  Configuration, state and their users stay if they are in use
  --purge         remove those, too
  --help          this text
HELP
}

main() {
  while [ $# -gt 0 ]; do
    case $1 in
      --dry-run) dry_run=yes ;;
      --files) mode=files ;;
      --prefix)
        [ $# -gt 1 ] || fail "--prefix wants a directory"
        prefix=$2
        shift
        ;;
      --uninstall) action=uninstall ;;
      --purge) purge=yes ;;
      --help | -h)
        usage
        exit 0
        ;;
      *) fail "unknown: $1 (see --help)" ;;
    esac
    shift
  done
  case $prefix in
    /*[!A-Za-z0-9/._-]* | */.. | */../* | */ | /home/* | /root/*)
      fail "--prefix: not $prefix, but a plain directory outside of /home and /root, which the units cannot see"
      ;;
    /*) ;;
    *) fail "--prefix wants an absolute directory" ;;
  esac
  lib=$prefix/lib/trasa-agent
  manifest=$lib/manifest
  [ -n "$dry_run" ] || [ "$(id -u)" -eq 0 ] || fail "must be run as root (or with --dry-run)"
  [ -n "$mode" ] || find_mode
  [ -z "$dry_run" ] || say "a rehearsal: nothing is done"
  case $action-$mode in
    install-apt) install_packages ;;
    install-files) install_files ;;
    uninstall-apt) uninstall_packages ;;
    uninstall-files) uninstall_files ;;
  esac
}

say() { printf 'install: %s\n' "$*"; }
fail() {
  printf 'install: %s\n' "$*" >&2
  exit 1
}

# What follows is done, or with --dry-run only said.
do_it() {
  say "runs $*"
  [ -n "$dry_run" ] || "$@"
}

# Plain files that are there go as they came.
find_mode() {
  if [ "$action" = uninstall ] && [ -e "$manifest" ]; then
    mode=files
  elif command -v apt-get >/dev/null; then
    mode=apt
  else
    mode=files
  fi
}

check_system() {
  [ "$(uname -s)" = Linux ] || fail "this is $(uname -s), not Linux"
  case $(uname -m) in
    x86_64) debian_arch=amd64 ;;
    aarch64) debian_arch=arm64 ;;
    *) fail "this machine is $(uname -m); there are builds for x86_64 and aarch64" ;;
  esac
  version=$(getconf GNU_LIBC_VERSION 2>/dev/null | cut -d' ' -f2)
  [ -n "$version" ] || fail "the C library is not glibc"
  [ "$(printf '%s\n2.34\n' "$version" | sort -V | head -n 1)" = 2.34 ] || fail "glibc is $version; 2.34 or later is needed"
  command -v systemctl >/dev/null || fail "systemd is missing; the daemon is a unit of it"
}

# --- where there is apt ---

install_packages() {
  check_system
  set -- "$here"/dist/deb/*_"$debian_arch".deb
  [ -e "$1" ] || fail "there are no packages for $debian_arch in $here/dist/deb; run: npm run package (or use --files)"
  [ ! -e "$manifest" ] || fail "plain files are installed below $prefix; first: sh install.sh --uninstall"
  if [ -n "$dry_run" ]; then
    say "runs apt-get install $*"
    say "these files come with the packages; apt adds what they depend on:"
    for package; do dpkg-deb --fsys-tarfile "$package" | tar -t | sed -n 's|^\.\(/.*[^/]\)$|  \1|p'; done
    return
  fi
  apt-get install -y "$@"
}

uninstall_packages() {
  if [ -n "$purge" ]; then
    do_it apt-get purge -y trasa-agent libpam-trasa
  else
    do_it apt-get remove -y trasa-agent libpam-trasa
  fi
}

# --- plain files ---

# The directory of PAM's modules: that of pam_unix.so.
pam_directory() {
  for directory in "/usr/lib/$(uname -m)-linux-gnu/security" /usr/lib64/security /lib64/security /usr/lib/security \
    "/lib/$(uname -m)-linux-gnu/security"; do
    [ -e "$directory/pam_unix.so" ] && echo "$directory" && return
  done
  fail "there is no pam_unix.so where PAM's modules usually are"
}

# Calls "$1 SOURCE TARGET MODE" for every file.
each_file() {
  "$1" "$here/dist/trasa-agent" "$lib/trasa-agent" 0755
  "$1" "$here/dist/trasa_native.node" "$lib/trasa_native.node" 0644
  "$1" "$here/dist/trasa_ssh.node" "$lib/trasa_ssh.node" 0644
  "$1" "$here/dist/pty.node" "$lib/pty.node" 0644
  "$1" "$here/pam/build/pam_trasa.so" "$modules/pam_trasa.so" 0644
  "$1" "$here/debian/trasa-agent.toml" "$prefix/share/doc/trasa-agent/trasa-agent.toml" 0644
  "$1" "$here/debian/trasa-agent.socket" /etc/systemd/system/trasa-agent.socket 0644
  "$1" "$here/debian/trasa-agent.service" /etc/systemd/system/trasa-agent.service 0644
  "$1" "$here/debian/trasa-agent.trasa-server.service" /etc/systemd/system/trasa-server.service 0644
  "$1" "$here/debian/trasa-agent.trasa-proxy.service" /etc/systemd/system/trasa-proxy.service 0644
  "$1" "$here/debian/trasa-agent.trasa-renew.service" /etc/systemd/system/trasa-renew.service 0644
  "$1" "$here/debian/trasa-agent.trasa-renew.timer" /etc/systemd/system/trasa-renew.timer 0644
  for page in "$here"/man/*.scd; do
    name=$(basename "$page" .scd)
    ! command -v scdoc >/dev/null || "$1" "$page" "$prefix/share/man/man${name##*.}/$name" 0644
  done
}

users='trasa-agent trasa-server trasa-proxy'
units='trasa-agent.socket trasa-agent.service trasa-server.service trasa-proxy.service trasa-renew.timer'

install_files() {
  check_system
  for file in dist/trasa-agent dist/trasa_native.node dist/trasa_ssh.node dist/pty.node pam/build/pam_trasa.so; do
    [ -e "$here/$file" ] || fail "$file is missing; run: npm run setup"
  done
  [ ! -e /var/lib/dpkg/info/trasa-agent.list ] || fail "the package trasa-agent is here; upgrade or remove that"
  missing=$(ldd "$here/dist/trasa-agent" | sed -n 's/^[[:space:]]*\([^ ]*\) => not found$/\1/p')
  [ -z "$missing" ] || fail "libraries are missing; install what your system calls them: $missing"
  modules=$(pam_directory)

  make_directory "$lib"
  each_file put
  put_link "$lib/trasa-agent" "$prefix/bin/trasa-agent"
  for user in $users; do make_user "$user"; done
  make_directory /etc/trasa
  do_it systemctl daemon-reload
  make_directory /etc/systemd/system/sockets.target.wants
  say "writes /etc/systemd/system/sockets.target.wants/trasa-agent.socket"
  do_it systemctl enable --quiet --now trasa-agent.socket
  # A daemon of the release before goes when nobody is being served; the socket starts this one.
  for unit in trasa-agent.service trasa-server.service; do
    ! systemctl --quiet is-active $unit || do_it systemctl kill --kill-who=main --signal=SIGUSR2 $unit
  done
  [ -n "$dry_run" ] || say "done; see trasa-agent(8). To take it off again: sh install.sh --uninstall"
}

# What to undo, a line each: `wrote`, `replaced`, `directory`, `user`, `state`, and a path or name.
early=
note() {
  if [ -n "$dry_run" ]; then
    return
  elif [ -d "$lib" ]; then
    [ -z "$early" ] || printf '%s' "$early" >>"$manifest"
    early=
    printf '%s\n' "$*" >>"$manifest"
  else
    early="$early$*
"
  fi
}

noted() { [ -e "$manifest" ] && grep -qxE "(wrote|replaced) $1" "$manifest"; }

said=
make_directory() {
  [ ! -d "$1" ] || return 0
  case $said in *" $1 "*) return 0 ;; esac
  said="$said $1 "
  make_directory "$(dirname "$1")"
  say "makes $1"
  [ -n "$dry_run" ] || mkdir -m 0755 "$1"
  note "directory $1"
}

# put SOURCE TARGET MODE
put() {
  make_directory "$(dirname "$2")"
  if [ -e "$2" ]; then say "replaces $2"; else say "writes $2"; fi
  [ -z "$dry_run" ] || return 0
  if noted "$2"; then
    : # of an earlier release of ours
  elif [ -e "$2" ]; then
    mkdir -p "$lib/replaced$(dirname "$2")"
    cp -p "$2" "$lib/replaced$2"
    note "replaced $2"
  else
    note "wrote $2"
  fi
  case $1 in
    *.scd) scdoc <"$1" >"$2.new" ;;
    *.service) sed "s|/usr/lib/trasa-agent/|$lib/|g" "$1" >"$2.new" ;;
    *) cp "$1" "$2.new" ;;
  esac
  chmod "$3" "$2.new"
  mv -f "$2.new" "$2" # by rename: a program that has the old one loaded keeps it
  ! command -v restorecon >/dev/null || restorecon "$2" || true
}

put_link() {
  if [ -L "$2" ] && [ "$(readlink "$2")" = "$1" ]; then return 0; fi
  [ ! -e "$2" ] || fail "$2 is there already, and is not ours"
  make_directory "$(dirname "$2")"
  say "writes $2"
  [ -n "$dry_run" ] || ln -s "$1" "$2"
  note "wrote $2"
}

make_user() {
  home=/var/lib/$1
  if ! getent passwd "$1" >/dev/null; then
    say "makes the user $1 (in /etc/passwd, shadow, group, gshadow)"
    [ -n "$dry_run" ] || useradd --system --user-group --home-dir "$home" --no-create-home --shell /usr/sbin/nologin "$1"
    note "user $1"
  fi
  if [ ! -d "$home" ]; then
    say "makes $home"
    [ -n "$dry_run" ] || install -d -m 0700 -o "$1" -g "$1" "$home"
    note "state $home"
  fi
}

uninstall_files() {
  [ -e "$manifest" ] || fail "nothing is installed below $prefix (there is no $manifest)"
  forget_in_sshd_and_pam
  # shellcheck disable=SC2086 # a list of words
  do_it systemctl disable --quiet --now $units || true # gone, if this was interrupted before
  [ -z "$purge" ] || remove -rf /etc/trasa/trasa-agent.toml /etc/trasa/trasa-proxy.toml /var/lib/trasa-setup /var/log/trasa-agent /var/log/trasa-proxy
  undo wrote remove_file
  undo replaced restore_file
  undo state remove_state
  undo user remove_user
  # The journal of all this goes last, so that what was interrupted can be run again.
  directories=$(undo directory echo)
  remove -rf "$lib/replaced" "$manifest"
  for directory in $directories /var/log/trasa-agent /var/log/trasa-proxy /run/trasa-agent; do
    [ ! -d "$directory" ] || do_it rmdir --ignore-fail-on-non-empty "$directory"
  done
  do_it systemctl daemon-reload
}

# undo WHAT COMMAND: for each line of that kind, last first.
undo() {
  sed -n "s/^$1 //p" "$manifest" | sed '1!G;h;$!d' | while read -r name; do "$2" "$name"; done
}

remove() {
  say "removes $(printf '%s ' "$@" | sed 's/^-[rf]* //')"
  [ -n "$dry_run" ] || rm "$@"
}

remove_file() { remove -f "$1"; }

restore_file() {
  say "puts back $1"
  [ -n "$dry_run" ] || [ ! -e "$lib/replaced$1" ] || mv -f "$lib/replaced$1" "$1"
}

remove_state() {
  if [ -n "$purge" ]; then
    remove -rf "$1"
  elif [ ! -d "$1" ] || [ -z "$(ls -A "$1")" ]; then
    [ ! -d "$1" ] || do_it rmdir "$1"
  else
    say "keeps $1, and its user (--purge removes both)"
  fi
}

remove_user() {
  [ ! -d "/var/lib/$1" ] || [ -n "$dry_run" ] || return 0
  ! getent passwd "$1" >/dev/null || do_it userdel "$1"
}

# Before the files go, what runs them must: without them sshd and PAM would let nobody in.
forget_in_sshd_and_pam() {
  if "$lib/trasa-agent" --help 2>/dev/null | grep -q 'trasa-agent setup '; then
    do_it "$lib/trasa-agent" setup --remove || fail "nothing was removed: trasa-agent setup --remove failed (see above)"
  fi
  ours=/etc/ssh/sshd_config.d/10-trasa-agent.conf
  left=$(grep -lsE "^[^#]*(pam_trasa\.so|/trasa-agent pam)" /etc/pam.d/* /etc/pam.conf || true)
  [ -z "$left" ] || fail "nothing was removed. First take the lines of the agent out: $left"
  left=$(grep -lsE "^[^#]*/trasa-agent login" /etc/ssh/sshd_config /etc/ssh/sshd_config.d/*.conf | grep -vxF "$ours" || true)
  [ -z "$left" ] || fail "nothing was removed. First take the ForceCommand out, and reload sshd: $left"
  [ -e "$ours" ] || return 0
  say "removes $ours, and reloads sshd"
  [ -z "$dry_run" ] || return 0
  mv "$ours" "$ours.removed"
  if ! { "$(command -v sshd)" -t && reload_sshd; }; then
    mv "$ours.removed" "$ours"
    fail "nothing was removed: sshd does not take its configuration without $ours (see above)"
  fi
  rm "$ours.removed"
}

# It is called ssh on Debian, sshd elsewhere.
reload_sshd() {
  for unit in ssh.service sshd.service; do
    ! systemctl --quiet is-active $unit || {
      systemctl reload $unit
      return
    }
  done
}

main "$@"
