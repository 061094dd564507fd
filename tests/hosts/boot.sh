# Runs as process 1 of a closed host's own namespaces: mounts the host's file tree, makes it the root, waits.
# usage: boot.sh LOWER SCRATCH overlay|memory|copy. When stdin closes this ends, and the kernel ends the whole host.
# Each way falls back to the next: an overlay cannot lie upon another, and a container's own root often is one;
# then changes are kept in memory, and where that is short the root is copied.
set -e
lower=$1 scratch=$2 how=$3
tree=$scratch/tree
mkdir -p "$tree" "$scratch/disk" "$scratch/memory"

overlay_with() {
    mkdir "$1/upper" "$1/work"
    # volatile: syncs inside the host need not reach the disk of the machine that tests
    mount -t overlay host -o "lowerdir=$lower,upperdir=$1/upper,workdir=$1/work,volatile" "$tree" 2>/dev/null
}

in_memory() {
    # an installation writes up to 1.5 GB
    local available
    available=$(awk '/^MemAvailable:/ {print $2}' /proc/meminfo)
    [ "$available" -gt $((4 << 20)) ] && mount -t tmpfs memory "$scratch/memory" && overlay_with "$scratch/memory"
}

if [ "$how" = overlay ]; then overlay_with "$scratch/disk" || how=memory; fi
if [ "$how" = memory ]; then in_memory || how=copy; fi
if [ "$how" = copy ]; then
    cp -a "$lower/." "$tree"
    mount --bind "$tree" "$tree"
fi
cd "$tree"
mount -t proc proc proc
mount -t sysfs -o ro sys sys
mount -t tmpfs -o mode=755,size=1m dev dev
for node in null zero full random urandom tty; do
    : >dev/$node
    mount --bind /dev/$node dev/$node
done
mkdir dev/shm dev/pts
mount -t tmpfs -o mode=1777 shm dev/shm
mount -t devpts -o newinstance,ptmxmode=666 pts dev/pts
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
ln -s /proc/self/fd/0 dev/stdin
ln -s /proc/self/fd/1 dev/stdout
ln -s /proc/self/fd/2 dev/stderr
pivot_root . .
umount -l .
echo booted
read -r _ || :
