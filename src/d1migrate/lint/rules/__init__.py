"""The rules, by what they are about. A module holds one rule or a small family; none imports another."""
