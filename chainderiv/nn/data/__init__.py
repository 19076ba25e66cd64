"""Labelled images: found, downloaded, read and cut; knows no network."""
