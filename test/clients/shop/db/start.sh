set -e
install -d -o mysql /run/mysqld
[ -d /var/lib/mysql/mysql ] || mariadb-install-db --user=mysql --skip-test-db --auth-root-authentication-method=normal >/dev/null
printf 'CREATE DATABASE IF NOT EXISTS app;\nGRANT ALL ON app.* TO app@"%%" IDENTIFIED BY "app";\n' >/tmp/init.sql
chmod 644 /tmp/init.sql
exec mariadbd --user=mysql --bind-address=0.0.0.0 --init-file=/tmp/init.sql --innodb-buffer-pool-size=8M
