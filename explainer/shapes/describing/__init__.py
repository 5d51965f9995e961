"""From recorded calls to the operations of a ledger: names, arguments, multiply-adds, rules, and letters of axes."""
