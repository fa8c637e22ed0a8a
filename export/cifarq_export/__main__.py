"""``python -m cifarq_export`` is ``cifarq-export``."""

from cifarq_export.cli import main

if __name__ == "__main__":
    main()
