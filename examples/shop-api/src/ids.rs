//! New ids that people can read out on the phone.

use uuid::Uuid;

/// `prefix-` and ten random hexadecimal digits, e.g. `CART-8F03A1C6D2`: 40 bits, told apart by the primary key.
pub(crate) fn new(prefix: &str) -> String {
    format!("{prefix}-{:010X}", Uuid::new_v4().as_u128() >> 88)
}

/// Whether `id` has the form that [`new`] gives.
pub(crate) fn has_form(id: &str, prefix: &str) -> bool {
    let digits = id.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('-'));
    digits.is_some_and(|digits| digits.len() == 10 && digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    /// Scenario: two new ids, and texts that are none.
    /// Guarantees: both have the promised form, and differ; nothing else has it.
    #[test]
    fn ids_have_one_form() {
        let (one, other) = (super::new("CART"), super::new("CART"));
        assert_ne!(one, other);
        let digits = one.strip_prefix("CART-").expect("the prefix was asked for");
        assert_eq!(digits.len(), 10);
        assert!(digits.chars().all(|c| c.is_ascii_hexdigit()));
        assert!(super::has_form(&one, "CART"));
        for foreign in ["", "CART-", "ORD-8F03A1C6D2", "CART-8F03A1C6D2/..", "CART-8F03A1C6D"] {
            assert!(!super::has_form(foreign, "CART"), "{foreign}");
        }
    }
}
