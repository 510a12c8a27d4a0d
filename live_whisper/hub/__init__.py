"""Checkpoints by name: which exist, fetching them, where they live, and checking them.

Importing any module of this package is cheap: ``huggingface_hub`` is loaded by the first request
to the Hub, never before.

``names`` what a name stands for · ``store`` the folder of models on disk · ``pull`` fetch one ·
``resolve`` from ``--model`` to a folder · ``manage`` what ``live-whisper models`` shows.
"""
