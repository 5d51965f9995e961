"""What a ledger holds: operations with their shapes, equal blocks as one row, and what differs between two ledgers."""
