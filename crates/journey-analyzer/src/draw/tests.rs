//! One flow with all its operators, drawn in each format.

use expect_test::expect;
use journey_detect::Definition;

use super::{dot, mermaid, text};

fn definition() -> Definition {
    Definition::parse(
        "version: 1
keys: { order.id: anchor }
stages:
  cart: { service: shop }
  say \"hi\": { service: shop, observed: false }
  price: { service: mes }
  check: { service: mes }
  look: { service: shop }
  pay: { service: crm }
  refund: { service: crm }
flow:
  sequence:
    - { loop: { body: cart } }
    - { optional: 'say \"hi\"' }
    - parallel:
        - { loop: { body: [], redo: look } }
        - { loop: { body: price, redo: check } }
    - choice: [pay, []]
rules: [ { name: no_refund, absence: refund } ]
",
    )
    .unwrap()
}

/// Scenario: a flow with each operator, a stage beside it, and a rule.
/// Guarantees: the tree says in words what each operator means.
#[test]
fn a_tree_of_text() {
    expect![[r#"
        one after the other
        ├─ at least once
        │  └─ cart (shop)
        ├─ perhaps
        │  └─ say "hi" (shop, not observed)
        ├─ all of, in any order
        │  ├─ any number of times
        │  │  └─ look (shop)
        │  └─ again and again
        │     ├─ price (mes)
        │     └─ before again: check (mes)
        └─ one of
           ├─ pay (crm)
           └─ nothing

        beside the flow: refund

        rules: no_refund
    "#]]
    .assert_eq(&text(&definition()));
}

/// Scenario: the same flow as graphs.
/// Guarantees: every stage is a node, quotes are escaped, loops lead back.
#[test]
fn graphs() {
    expect![[r#"
        flowchart TD
            n0(("begin"))
            n1((" "))
            n2["cart<br/>shop"]
            n3{"again?"}
            n4{"perhaps"}
            n5["say #quot;hi#quot;<br/>shop"]
            n6((" "))
            n7[["all of"]]
            n8((" "))
            n9{"again?"}
            n10["look<br/>shop"]
            n11((" "))
            n12["price<br/>mes"]
            n13{"again?"}
            n14["check<br/>mes"]
            n15((" "))
            n16{"one of"}
            n17["pay<br/>crm"]
            n18((" "))
            n19(("end"))
            n0 --> n1
            n1 --> n2
            n2 --> n3
            n3 --> n1
            n3 --> n4
            n4 --> n5
            n5 --> n6
            n4 --> n6
            n6 --> n7
            n7 --> n8
            n8 --> n9
            n9 --> n10
            n10 --> n8
            n7 --> n11
            n11 --> n12
            n12 --> n13
            n13 --> n14
            n14 --> n11
            n9 --> n15
            n13 --> n15
            n15 --> n16
            n16 --> n17
            n17 --> n18
            n16 --> n18
            n18 --> n19
    "#]]
    .assert_eq(&mermaid(&definition()));
    expect![[r#"
        digraph flow {
            n0 [shape=circle, label="begin"];
            n1 [shape=circle, label=" "];
            n2 [shape=box, label="cart\nshop"];
            n3 [shape=diamond, label="again?"];
            n4 [shape=diamond, label="perhaps"];
            n5 [shape=box, label="say \"hi\"\nshop"];
            n6 [shape=circle, label=" "];
            n7 [shape=parallelogram, label="all of"];
            n8 [shape=circle, label=" "];
            n9 [shape=diamond, label="again?"];
            n10 [shape=box, label="look\nshop"];
            n11 [shape=circle, label=" "];
            n12 [shape=box, label="price\nmes"];
            n13 [shape=diamond, label="again?"];
            n14 [shape=box, label="check\nmes"];
            n15 [shape=circle, label=" "];
            n16 [shape=diamond, label="one of"];
            n17 [shape=box, label="pay\ncrm"];
            n18 [shape=circle, label=" "];
            n19 [shape=circle, label="end"];
            n0 -> n1;
            n1 -> n2;
            n2 -> n3;
            n3 -> n1;
            n3 -> n4;
            n4 -> n5;
            n5 -> n6;
            n4 -> n6;
            n6 -> n7;
            n7 -> n8;
            n8 -> n9;
            n9 -> n10;
            n10 -> n8;
            n7 -> n11;
            n11 -> n12;
            n12 -> n13;
            n13 -> n14;
            n14 -> n11;
            n9 -> n15;
            n13 -> n15;
            n15 -> n16;
            n16 -> n17;
            n17 -> n18;
            n16 -> n18;
            n18 -> n19;
        }
    "#]]
    .assert_eq(&dot(&definition()));
}
