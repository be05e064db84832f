"""The tests of d1migrate."""
