#!/bin/sh
# Launches the measured image on a host with SEV-SNP: QEMU 9.1 or newer.
# Usage: launch-snp.sh IMAGE-FOLDER CONFIGURATION STATE-DISK VCPUS CPU-TYPE
# Not run on such a host yet: written from QEMU's documentation of sev-snp-guest.
set -eu
image=$1 config=$2 state=$3 vcpus=$4 cpu=$5
digest=$(cloisterd check-config "$config" | sed -n 's/^digest *sha256://p')
[ ${#digest} -eq 64 ] || { echo "cloisterd check-config prints no digest of $config" >&2; exit 1; }
host_data=$(printf '%s' "$digest" | xxd -r -p | base64 -w0)
exec qemu-system-x86_64 -enable-kvm -nodefaults -no-reboot -display none -serial stdio \
  -machine q35,confidential-guest-support=sev0,memory-backend=ram1 \
  -object memory-backend-memfd,id=ram1,size=4G,share=true,prealloc=false -m 4G \
  -object "sev-snp-guest,id=sev0,cbitpos=51,reduced-phys-bits=1,policy=0x30000,kernel-hashes=on,host-data=$host_data" \
  -cpu "$cpu" -smp "$vcpus" -bios "$image/OVMF.amdsev.fd" \
  -kernel "$image/vmlinuz" -initrd "$image/initrd.gz" -append "$(cat "$image/command-line")" \
  -fw_cfg "name=opt/cloister/config,file=$config" \
  -drive "if=none,id=state,format=raw,file=$state" -device virtio-blk-pci,drive=state \
  -netdev user,id=net,hostfwd=tcp::8443-10.0.2.15:8443 -device virtio-net-pci,netdev=net,romfile=
