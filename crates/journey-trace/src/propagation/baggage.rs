//! Ids and facets as members of a W3C `baggage` header.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

use crate::limits::{BAGGAGE_BYTES_MAX, BAGGAGE_IN_BYTES_MAX, BAGGAGE_MEMBERS_MAX};
use crate::{JourneyCell, Key};

/// The header for this cell: ids first, then facets, as many as fit. `None` if it knows nothing.
pub(crate) fn format(cell: &JourneyCell) -> Option<String> {
    let mut header = String::new();
    let mut members = 0;
    for (key, id) in cell.ids() {
        members += usize::from(put(&mut header, ',', key.attribute(), &id, BAGGAGE_BYTES_MAX));
    }
    for facet in cell.facets() {
        if members < BAGGAGE_MEMBERS_MAX {
            members += usize::from(put(&mut header, ',', &facet.key, &facet.value, BAGGAGE_BYTES_MAX));
        }
    }
    (!header.is_empty()).then_some(header)
}

/// Takes our members out of the lines of a header; everything else is passed over.
pub(crate) fn read<'a>(lines: impl IntoIterator<Item = &'a str>, cell: &JourneyCell) {
    let mut bytes_left = BAGGAGE_IN_BYTES_MAX;
    for line in lines {
        for member in within(line, bytes_left).split(',') {
            // Properties after a semicolon are not ours.
            let member = member.split(';').next().unwrap_or_default();
            if let Some((name, value)) = member.split_once('=') {
                take(name.trim_ascii(), value.trim_ascii(), cell);
            }
        }
        bytes_left = bytes_left.saturating_sub(line.len());
    }
}

/// The whole members within so many bytes: half of an id would be another order's.
fn within(line: &str, bytes: usize) -> &str {
    if line.len() <= bytes {
        return line;
    }
    let cut = &line[..line.floor_char_boundary(bytes)];
    &cut[..cut.rfind(',').unwrap_or(0)]
}

/// Writes one percent-encoded value to the cell, if its name is one of ours.
pub(crate) fn take(name: &str, encoded: &str, cell: &JourneyCell) {
    if let Some(key) = Key::parse(name) {
        if let Some(id) = decode(encoded) {
            cell.set(key, &id);
        }
    } else if let Some(facet) = crate::cell::facet_name(name)
        && let Some(value) = decode(encoded)
    {
        cell.set_facet(facet, &value);
    }
}

/// Appends `name=value`, after a separator if it is not the first. False if it does not fit.
pub(crate) fn put(text: &mut String, separator: char, name: &str, value: &str, bytes_max: usize) -> bool {
    let before = text.len();
    if before > 0 {
        text.push(separator);
    }
    text.reserve(name.len() + 1 + value.len());
    text.push_str(name);
    text.push('=');
    // In pieces, which is one piece if nothing needs encoding: the machinery of `write!` costs more than all the rest.
    text.extend(utf8_percent_encode(value, ENCODED));
    let fits = text.len() <= bytes_max;
    if !fits {
        text.truncate(before);
    }
    fits
}

fn decode(encoded: &str) -> Option<Cow<'_, str>> {
    // Most are plain, and are text already.
    if !encoded.as_bytes().contains(&b'%') {
        return Some(Cow::Borrowed(encoded));
    }
    percent_decode_str(encoded).decode_utf8().ok()
}

/// What is no `baggage-octet` in [W3C Baggage](https://www.w3.org/TR/baggage/#value), and the percent sign.
const ENCODED: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b',').add(b';').add(b'\\').add(b'%');

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: ids with separators, spaces and other scripts are written and read.
    /// Guarantees: they come back as they were, in an ASCII header.
    #[test]
    fn any_id_survives() {
        let cell = JourneyCell::new();
        cell.set(Key::Order, "Ö, 1;2=3 %\"");
        cell.set(Key::User, "Анна");
        cell.set_facet("material", "white gold");
        let header = format(&cell).expect("a header");
        assert!(header.is_ascii());
        let read_back = JourneyCell::new();
        read([&*header], &read_back);
        assert!(read_back.ids().eq(cell.ids()));
        assert_eq!(read_back.facets(), cell.facets());
    }

    /// Scenario: four of the longest ids, each character encoded, and eight facets.
    /// Guarantees: the header stays within members and bytes, and the order's id is in it.
    #[test]
    fn a_header_is_bounded() {
        let cell = JourneyCell::new();
        Key::ALL.into_iter().for_each(|key| {
            cell.set(key, &"é".repeat(journey_model::BUSINESS_ID_BYTES_MAX / 2));
        });
        (0..8).for_each(|number| {
            cell.set_facet(&format!("f{number}"), "x");
        });
        let header = format(&cell).expect("a header");
        assert!(header.len() <= BAGGAGE_BYTES_MAX);
        assert!(header.split(',').count() <= BAGGAGE_MEMBERS_MAX);
        assert!(header.starts_with("order.id="));
    }

    /// Scenario: properties, foreign members, broken encoding, a hostile length.
    /// Guarantees: our good members are taken, the rest is passed over.
    #[test]
    fn foreign_members_are_passed_over() {
        let cell = JourneyCell::new();
        read(["order.id = ORD-1 ;ttl=3, cart.id=%FF ,x=y,,=,user.id"], &cell);
        assert!(cell.ids().eq([(Key::Order, "ORD-1".into())]));
        read([&*format!("{}é,cart.id=c-1", "x".repeat(BAGGAGE_IN_BYTES_MAX - 1))], &cell);
        assert_eq!(cell.get(Key::Cart), None);
    }

    /// Scenario: foreign baggage, in one line and in two, and an id across the edge of what is looked at.
    /// Guarantees: the id is not taken at all; once its first half was, as the id of another order.
    #[test]
    fn half_a_member_is_none() {
        let foreign = |bytes: usize| format!("x={}", "y".repeat(bytes - 2));
        let lines = [foreign(5000), foreign(BAGGAGE_IN_BYTES_MAX - 5000 - 20)];
        let ids = ",user.id=u,order.id=ORD-12345";
        let one_line = format!("{}{ids}", foreign(BAGGAGE_IN_BYTES_MAX - 20));
        let two_lines = [&*lines[0], &*format!("{}{ids}", lines[1])];
        for lines in [&[&*one_line][..], &two_lines] {
            let cell = JourneyCell::new();
            read(lines.iter().copied(), &cell);
            assert!(cell.ids().eq([(Key::User, "u".into())]), "{:?}", cell.get(Key::Order));
        }
    }
}
