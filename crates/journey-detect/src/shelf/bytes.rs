//! Numbers as few bytes, written and read back.

/// Bytes that are written.
#[derive(Debug, Default)]
pub(super) struct Writer(Vec<u8>);

impl Writer {
    pub(super) fn raw(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    /// Seven bits a byte, the lowest first (LEB128, as in Protocol Buffers).
    pub(super) fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.0.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
    }

    /// A moment, as its distance from another one.
    pub(super) fn moment(&mut self, at_ns: u64, from_ns: u64) {
        let distance = at_ns.wrapping_sub(from_ns) as i64;
        self.number((distance << 1 ^ distance >> 63) as u64);
    }

    /// A duration: most are whole milliseconds.
    pub(super) fn duration(&mut self, lasted_ns: u64) {
        match lasted_ns % NANOS_PER_MILLI {
            0 => self.number((lasted_ns / NANOS_PER_MILLI) << 1),
            _ => {
                self.number(1);
                self.number(lasted_ns);
            }
        }
    }

    /// A number: most are whole and not negative.
    pub(super) fn float(&mut self, number: f64) {
        let whole = number as u64;
        if whole < 1 << 53 && (whole as f64).to_bits() == number.to_bits() {
            self.number(whole << 1);
        } else {
            self.number(1);
            self.raw(&number.to_bits().to_le_bytes());
        }
    }

    pub(super) fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.raw(text.as_bytes());
    }

    /// What was written, and room to write again.
    pub(super) fn finish(&mut self) -> Box<[u8]> {
        let written = self.0.as_slice().into();
        self.0.clear();
        written
    }
}

/// Bytes that are read. What was not written by [`Writer`] in the same order panics or gives nonsense, never more.
#[derive(Debug)]
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn raw(&mut self, len: usize) -> &'a [u8] {
        let (bytes, rest) = self.0.split_at(len);
        self.0 = rest;
        bytes
    }

    pub(super) fn array<const N: usize>(&mut self) -> [u8; N] {
        let mut array = [0; N];
        array.copy_from_slice(self.raw(N));
        array
    }

    pub(super) fn number(&mut self) -> u64 {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let [byte] = self.array();
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                break;
            }
        }
        number
    }

    pub(super) fn count(&mut self) -> usize {
        self.number() as usize
    }

    pub(super) fn moment(&mut self, from_ns: u64) -> u64 {
        let number = self.number();
        from_ns.wrapping_add((number >> 1) ^ (number & 1).wrapping_neg())
    }

    pub(super) fn duration(&mut self) -> u64 {
        match self.number() {
            1 => self.number(),
            millis => (millis >> 1) * NANOS_PER_MILLI,
        }
    }

    pub(super) fn float(&mut self) -> f64 {
        match self.number() {
            1 => f64::from_bits(u64::from_le_bytes(self.array())),
            whole => (whole >> 1) as f64,
        }
    }

    pub(super) fn text(&mut self) -> &'a str {
        let len = self.count();
        std::str::from_utf8(self.raw(len)).expect("a text was written here")
    }
}

const NANOS_PER_MILLI: u64 = 1_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: small and large numbers, moments before and after the one they are counted from, texts.
    /// Guarantees: what was written is read, and small numbers take one byte.
    #[test]
    fn what_is_written_is_read() {
        let numbers = [0, 1, 127, 128, 300, u64::from(u32::MAX), u64::MAX];
        let mut writer = Writer::default();
        numbers.into_iter().for_each(|number| writer.number(number));
        for (at_ns, from_ns) in [(0, 0), (5, 7), (7, 5), (0, u64::MAX), (u64::MAX, 0)] {
            writer.moment(at_ns, from_ns);
        }
        let durations = [0, 1, NANOS_PER_MILLI, 15_000 * NANOS_PER_MILLI, u64::MAX];
        durations.into_iter().for_each(|lasted_ns| writer.duration(lasted_ns));
        let floats = [0.0, -0.0, 1.0, 0.25, -3.0, 123_456.0, f64::MAX, f64::INFINITY];
        floats.into_iter().for_each(|number| writer.float(number));
        writer.text("");
        writer.text("Größe");
        let bytes = writer.finish();
        let mut reader = Reader(&bytes);
        assert_eq!(numbers.map(|_| reader.number()), numbers);
        assert_eq!([0, 7, 5, u64::MAX, 0].map(|from_ns| reader.moment(from_ns)), [0, 5, 7, 0, u64::MAX]);
        assert_eq!(durations.map(|_| reader.duration()), durations);
        assert_eq!(floats.map(|_| reader.float().to_bits()), floats.map(f64::to_bits));
        assert_eq!((reader.text(), reader.text(), reader.0.len()), ("", "Größe", 0));
    }
}
