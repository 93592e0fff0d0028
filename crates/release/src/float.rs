//! Whole numbers as floating point, and back: no conversion of the language is total.

/// The nearest number to `whole`.
pub(crate) fn float(whole: u64) -> f64 {
    let [a, b, c, d, e, f, g, h] = whole.to_be_bytes();
    let [high, low] = [[a, b, c, d], [e, f, g, h]].map(u32::from_be_bytes).map(f64::from);
    high.mul_add(4_294_967_296.0, low)
}

/// The whole part of a number below 2⁶³, which is not negative.
pub(crate) fn whole(number: f64) -> u64 {
    let (mut rest, mut whole) = (number, 0_u64);
    for bit in (0..63).rev() {
        let power = f64::powi(2.0, bit);
        if rest >= power {
            rest -= power;
            whole |= 1 << bit;
        }
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_of_53_bits_come_back() {
        for n in [0, 1, 4_294_967_295, 4_294_967_296, 4_294_967_297, (1 << 53) - 1] {
            assert_eq!(whole(float(n)), n);
        }
        assert_eq!((whole(0.999), whole(2.5)), (0, 2));
        // To the nearest: 2⁵³ + 1 is between two numbers, and goes to the even one.
        assert_eq!(whole(float((1 << 53) + 1)), 1 << 53);
    }
}
