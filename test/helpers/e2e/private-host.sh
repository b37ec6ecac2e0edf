#!/bin/sh
# Usage: private-host.sh CHECKOUT COMMAND…
# Process 1 of a private host: the machine's own files, copy on write. What COMMAND changes below these folders (users,
# sshd's state, /etc/trasa) exists for it and its children only, and vanishes with them. The
# checkout stays what it is, wherever it lies, and its dist/ is /usr/lib/trasa-agent too.
set -eu
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
