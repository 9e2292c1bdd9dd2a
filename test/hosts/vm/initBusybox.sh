#!/bin/busybox.real sh
# PID 1 of the test host that is busybox and dropbear alone.
for applet in $(/bin/busybox.real --list); do
    [ -e "/bin/$applet" ] || /bin/busybox.real ln -s busybox.real "/bin/$applet"
done
export PATH=/bin:/usr/bin:/usr/sbin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
mkdir -p /dev/pts /etc/dropbear /run /tmp /var/lib /var/tmp /var/log
chmod 1777 /tmp /var/tmp
mount -t devpts -o ptmxmode=0666,mode=620,gid=5 devpts /dev/pts
mount -t tracefs tracefs /sys/kernel/tracing
mount -t bpf bpf /sys/fs/bpf
for module in $(cat /modules.order); do insmod "$module"; done
hostname "$(sed -n 's/.*host=\([^ ]*\).*/\1/p' /proc/cmdline)"
echo "127.0.0.1 localhost $(hostname)" >/etc/hosts
ip link set lo up
ip link set eth0 up
ip addr add 10.0.2.15/24 dev eth0
ip route add default via 10.0.2.2
date -s "@$(sed -n 's/.*now=\([0-9]*\).*/\1/p' /proc/cmdline)" >/dev/null
dropbearkey -t ed25519 -f /etc/dropbear/key >/dev/null 2>&1
dropbear -E -r /etc/dropbear/key
echo "HOSTKEY $(dropbearkey -y -f /etc/dropbear/key | grep ^ssh-)" >/dev/console
echo "SSHD-UP $(uname -r)" >/dev/console
while :; do
    wait
    sleep 1000
done
