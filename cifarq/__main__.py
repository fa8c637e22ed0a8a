"""``python -m cifarq`` is ``cifarq``."""

from cifarq.cli import main

if __name__ == "__main__":
    main()
