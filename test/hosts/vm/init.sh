#!/bin/busybox sh
# PID 1 of the test hosts: mounts what a Linux host has mounted, brings the network up, starts sshd.
B=/bin/busybox
$B mount -t proc proc /proc
$B mount -t sysfs sysfs /sys
$B mount -t devtmpfs dev /dev
$B mkdir -p /dev/pts /dev/shm /run/sshd /tmp /var/lib /var/log
$B chmod 1777 /tmp
$B mount -t devpts -o ptmxmode=0666,mode=620,gid=5 devpts /dev/pts
$B mount -t tmpfs tmpfs /dev/shm
$B mount -t tracefs tracefs /sys/kernel/tracing
$B mount -t bpf bpf /sys/fs/bpf
$B mount -t securityfs securityfs /sys/kernel/security
$B mount -t cgroup2 cgroup2 /sys/fs/cgroup
# The modules that the network needs, in their order (see initrd.ts).
for module in $($B cat /modules.order); do $B insmod "$module"; done
# A disk that outlives the machine.
if $B grep -q ' disk' /proc/cmdline; then
    /sbin/modprobe virtio_blk
    $B mount -t ext4 /dev/vda /var/lib
fi
$B hostname "$($B sed -n 's/.*host=\([^ ]*\).*/\1/p' /proc/cmdline)"
echo "127.0.0.1 localhost $($B hostname)" >/etc/hosts
: >/var/log/lastlog
$B ip link set lo up
$B ip link set eth0 up
$B ip addr add 10.0.2.15/24 dev eth0
$B ip route add default via 10.0.2.2
# A saved or virtual clock may be years off; the host tells the time on the command line.
$B date -s "@$($B sed -n 's/.*now=\([0-9]*\).*/\1/p' /proc/cmdline)" >/dev/null
/usr/sbin/sshd -e
echo "SSHD-UP $($B uname -r)" >/dev/console
while :; do
    wait
    $B sleep 1000
done
