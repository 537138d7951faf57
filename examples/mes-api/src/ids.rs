//! New ids that people can read out on the phone.

use uuid::Uuid;

/// `prefix-` and ten random hexadecimal digits, e.g. `PROD-8F03A1C6D2`: 40 bits, told apart by the primary key.
pub(crate) fn new(prefix: &str) -> String {
    format!("{prefix}-{:010X}", Uuid::new_v4().as_u128() >> 88)
}

#[cfg(test)]
mod tests {
    /// Scenario: two new ids.
    /// Guarantees: both have the promised form, and differ.
    #[test]
    fn ids_have_one_form() {
        let (one, other) = (super::new("PROD"), super::new("PROD"));
        assert_ne!(one, other);
        let digits = one.strip_prefix("PROD-").expect("the prefix was asked for");
        assert_eq!(digits.len(), 10);
        assert!(digits.chars().all(|c| c.is_ascii_hexdigit()));
    }
}
