# The original for the cluster: Debian's Python, Flask and the program; the context holds all three.
FROM scratch
ADD rootfs.tar /
COPY site /app/site
COPY coinflip.py /app/coinflip.py
ENV PYTHONPATH=/app/site PYTHONDONTWRITEBYTECODE=1
USER 10001:10001
CMD ["/usr/bin/python3", "/app/coinflip.py", "0.0.0.0", "5000"]
