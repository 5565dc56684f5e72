"""Membership inference: was this pair in the training?"""
