#!/bin/sh
# Usage: private-host.sh enter CHECKOUT COMMAND…
# Runs COMMAND on a private host: the machine's own files, copy on write, in mount and process namespaces. What COMMAND
# changes below the folders named here (users, sshd's state, /etc/trasa) exists for it and its children only, and vanishes
# with them. The checkout stays what it is, wherever it lies, and its dist/ is /usr/lib/trasa-agent too.
set -eu

main() {
  step=$1
  shift
  case $step in
    try)
      shift
      unshare --mount --pid --fork --mount-proc "$@" 2>/dev/null || in_chroot "$@"
      ;;
    enter)
      if unshare --mount true 2>/dev/null; then
        exec unshare --mount --pid --fork --kill-child --mount-proc sh "$0" inside "$@"
      fi
      in_chroot sh "$0" inside "$@"
      ;;
    inside) inside "$@" ;;
  esac
}

# In a chroot whose root is no mount point no mounts can be made private. So the same tree once more, as a mount point.
in_chroot() {
  tree=$(mktemp -d /run/private-root.XXXXXX)
  mount --rbind / "$tree"
  trap 'umount --recursive --lazy "$tree"; rmdir "$tree"' EXIT
  trap : INT TERM # the command has it too; what is left to do here is to clean up after it
  chroot "$tree" unshare --mount --pid --fork --kill-child --mount-proc "$@"
}

# Process 1 of the private host.
inside() {
  checkout=$1
  shift
  mount --make-rprivate /
  mount --bind "$checkout" /srv
  mount -t tmpfs -o mode=0755 tmpfs /mnt
  for folder in etc var run home root usr; do
    mkdir "/mnt/$folder" "/mnt/$folder/upper" "/mnt/$folder/work"
    chmod --reference="/$folder" "/mnt/$folder/upper"
    chown --reference="/$folder" "/mnt/$folder/upper"
    mount -t overlay -o "lowerdir=/$folder,upperdir=/mnt/$folder/upper,workdir=/mnt/$folder/work" overlay "/$folder"
  done
  mkdir -p /usr/lib/trasa-agent /run/sshd
  mount --bind /srv "$checkout"
  mount --bind /srv/dist /usr/lib/trasa-agent
  : >/run/private-host # how the tests know where they are

  "$@" # not exec: process 1 has to reap what loses its parent
}

main "$@"
