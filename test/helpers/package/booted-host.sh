#!/bin/sh
# Usage: booted-host.sh enter CHECKOUT COMMAND…
# Runs COMMAND as root of a freshly installed Debian that systemd has booted, in namespaces of its own: what it installs,
# starts and removes exists there only, and vanishes with it. It has a loopback network and no other; the checkout is where
# it is outside, and can only be read.
#
#        booted-host.sh try CHECKOUT
# Are there such namespaces here?
#
#        booted-host.sh prepare CHECKOUT
# Makes the Debian that all of them start from, once: dist/test-root, by debootstrap from the mirror that this machine's
# apt uses.
set -eu

# What the tests need there, and what the packages depend on: nothing is fetched when they are installed.
include=systemd,systemd-sysv,dbus,openssh-server,openssh-client,libatomic1,libstdc++6,libgcc-s1,logrotate,man-db,bash-completion

main() {
  step=$1
  checkout=$2
  shift 2
  base=$checkout/dist/test-root
  case $step in
    prepare) exec flock "$checkout/dist/.test-root.lock" sh "$0" make "$checkout" ;;
    make) [ -e "$base/ready-$include" ] || make ;;
    enter)
      # The mount namespace comes first: what is mounted for the host goes away with the last process in it.
      exec unshare --mount sh "$0" host "$checkout" "$@"
      ;;
    host) host "$@" ;;
    boot) boot ;;
    try) unshare --mount --pid --net --uts --ipc --cgroup --fork mount --make-rprivate / ;;
  esac
}

make() {
  rm -rf "$base"
  mkdir -p "$base"
  # shellcheck source=/dev/null
  suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
  # shellcheck disable=SC2016 # apt's own variable
  mirror=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' "Codename: $suite" | head -n 1)
  debootstrap --variant=minbase --include="$include" "$suite" "$base/root" "$mirror" >"$base/log" 2>&1 || {
    tail -n 20 "$base/log" >&2
    rm -rf "$base"
    exit 1
  }
  ln -s /dev/null "$base/root/etc/systemd/system/console-getty.service"
  ln -s /dev/null "$base/root/etc/tmpfiles.d/tmp.conf" # it empties /tmp at boot, and the checkout may lie there
  rm -rf "$base"/root/var/cache/apt/archives/*.deb
  : >"$base/ready-$include"
}

host() {
  host=/mnt
  mount --make-rprivate /
  mount -t tmpfs -o mode=0755 tmpfs $host
  mkdir $host/upper $host/work $host/root
  mount -t overlay -o "lowerdir=$base/root,upperdir=$host/upper,workdir=$host/work" overlay $host/root
  : >$host/console
  # Whatever happens to us, systemd does not outlive it.
  setpriv --pdeathsig KILL unshare --pid --net --uts --ipc --cgroup --mount --fork --kill-child \
    sh "$0" boot "$checkout" >>$host/console 2>&1 &
  unshared=$!
  init=$(until_there "cat /proc/$unshared/task/$unshared/children") || failed
  inside="nsenter --target $init --all --root --wd"
  until_there "$inside sh -c 'systemctl is-system-running --wait | grep -xE running\|degraded'" >/dev/null || failed
  status=0
  $inside "$@" || status=$?
  kill -KILL "$init"
  wait $unshared || true
  exit $status
}

# Prints what COMMAND prints as soon as it prints something, in a minute or more.
until_there() {
  tries=600
  while said=$(eval "$1" 2>/dev/null || true) && [ -z "$said" ]; do
    tries=$((tries - 1))
    [ $tries -gt 0 ] || return 1
    sleep 0.1
  done
  echo "$said"
}

failed() {
  cat $host/console >&2
  kill -KILL $unshared
  exit 1
}

# Becomes process 1.
boot() {
  cd /mnt/root
  mount -t proc proc proc
  mount -t sysfs sysfs sys
  mount -t cgroup2 cgroup2 sys/fs/cgroup
  mount -t tmpfs -o mode=0755 tmpfs dev
  mount -t tmpfs -o mode=0755 tmpfs run
  for device in null zero full random urandom tty; do
    : >dev/$device
    mount --bind /dev/$device dev/$device
  done
  # What comes by the clock would change files between two looks, at some hours of the day.
  for timer in usr/lib/systemd/system/*.timer; do ln -sf /dev/null "etc/systemd/system/${timer##*/}"; done
  : >dev/console
  mount --bind /mnt/console dev/console
  mkdir dev/pts dev/shm
  mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts
  ln -s pts/ptmx dev/ptmx
  ln -s /proc/self/fd dev/fd
  mkdir -p ".$checkout"
  mount --bind "$checkout" ".$checkout"
  mount -o remount,bind,ro ".$checkout"
  : >run/booted-host # how the tests know where they are
  # Not chroot(1): in one the kernel makes no user namespaces, and units ask for some.
  pivot_root . mnt
  umount --lazy /mnt
  exec env -i container=test PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --system
}

main "$@"
