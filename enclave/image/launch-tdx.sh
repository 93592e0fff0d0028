#!/bin/sh
# Launches the measured image on a host with TDX: QEMU 10.1 or newer.
# Usage: launch-tdx.sh IMAGE-FOLDER CONFIGURATION STATE-DISK FIRMWARE VCPUS
# Not run on such a host yet: written from QEMU's documentation of tdx-guest.
set -eu
image=$1 config=$2 state=$3 firmware=$4 vcpus=$5
digest=$(cloisterd check-config "$config" | sed -n 's/^digest *sha256://p')
[ ${#digest} -eq 64 ] || { echo "cloisterd check-config prints no digest of $config" >&2; exit 1; }
mrconfigid=$(printf '%s%032d' "$digest" 0 | xxd -r -p | base64 -w0)
exec qemu-system-x86_64 -enable-kvm -nodefaults -no-reboot -display none -serial stdio \
  -machine q35,kernel-irqchip=split,confidential-guest-support=tdx0,memory-backend=ram1 \
  -object memory-backend-ram,id=ram1,size=4G -m 4G \
  -object "{\"qom-type\":\"tdx-guest\",\"id\":\"tdx0\",\"mrconfigid\":\"$mrconfigid\",\"quote-generation-socket\":{\"type\":\"vsock\",\"cid\":\"2\",\"port\":\"4050\"}}" \
  -cpu host -smp "$vcpus" -bios "$firmware" \
  -kernel "$image/vmlinuz" -initrd "$image/initrd.gz" -append "$(cat "$image/command-line")" \
  -fw_cfg "name=opt/cloister/config,file=$config" \
  -drive "if=none,id=state,format=raw,file=$state" -device virtio-blk-pci,drive=state \
  -netdev user,id=net,hostfwd=tcp::8443-10.0.2.15:8443 -device virtio-net-pci,netdev=net,romfile=
