# Runs as process 1 of a closed host's own namespaces: mounts the host's file tree, makes it the root, waits.
# usage: boot.sh LOWER SCRATCH overlay|copy (overlay falls back to copy). When stdin closes this ends, and the kernel ends the whole host.
set -e
lower=$1 scratch=$2 how=$3
tree=$scratch/tree
mkdir "$scratch/upper" "$scratch/work" "$tree"
# volatile: syncs inside the host need not reach the disk of the machine that tests
options=lowerdir=$lower,upperdir=$scratch/upper,workdir=$scratch/work,volatile
# an overlay cannot lie upon another (a container's own root is often one): then the root is copied
if [ "$how" = copy ] || ! mount -t overlay host -o "$options" "$tree" 2>/dev/null; then
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
