//! What runs because time came or a queue said so.
