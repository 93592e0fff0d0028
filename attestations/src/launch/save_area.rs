//! The save area of a processor at its start: the registers as QEMU sets them (AMD 24593, table
//! B-4, for the places; QEMU, `target/i386/cpu.c`, for the values at reset).

/// One page: a processor that begins at `eip`, of a type with this signature.
pub(super) fn page(eip: u32, signature: u32, features: u64) -> [u8; 4096] {
    let mut page = [0; 4096];
    let mut set = |at: usize, bytes: &[u8]| {
        if let Some(field) = page.get_mut(at..at.saturating_add(bytes.len())) {
            field.copy_from_slice(bytes);
        }
    };
    let [low, high] = [eip & 0xffff, eip & 0xffff_0000];
    for (at, selector, attributes, base) in [
        (0x00, 0_u16, 0x93_u16, 0), // ES
        (0x10, 0xf000, 0x9b, high), // CS
        (0x20, 0, 0x93, 0),         // SS
        (0x30, 0, 0x93, 0),         // DS
        (0x40, 0, 0x93, 0),         // FS
        (0x50, 0, 0x93, 0),         // GS
        (0x60, 0, 0x00, 0),         // GDTR
        (0x70, 0, 0x82, 0),         // LDTR
        (0x80, 0, 0x00, 0),         // IDTR
        (0x90, 0, 0x8b, 0),         // TR
    ] {
        // Selector, attributes, limit, base.
        let [s0, s1] = selector.to_le_bytes();
        let [a0, a1] = attributes.to_le_bytes();
        set(at, &[s0, s1, a0, a1, 0xff, 0xff, 0, 0]);
        set(at.saturating_add(8), &u64::from(base).to_le_bytes());
    }
    for (at, value) in [
        (0x0d0, 0x1000),                // EFER: secure virtual machine
        (0x148, 0x40),                  // CR4: machine checks
        (0x158, 0x10),                  // CR0: extension type
        (0x160, 0x400),                 // DR7
        (0x168, 0xffff_0ff0),           // DR6
        (0x170, 0x2),                   // RFLAGS
        (0x178, u64::from(low)),        // RIP
        (0x268, 0x0007_0406_0007_0406), // PAT
        (0x310, u64::from(signature)),  // RDX
        (0x3b0, features),              // SEV_FEATURES
        (0x3e8, 0x1),                   // XCR0
    ] {
        set(at, &u64::to_le_bytes(value));
    }
    set(0x408, &0x1f80_u32.to_le_bytes()); // MXCSR
    set(0x410, &0x37f_u16.to_le_bytes()); // x87 control word
    page
}
