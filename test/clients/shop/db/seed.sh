set -e
run() { mariadb -h db -u app -N -B app -e "$1"; }
run 'CREATE TABLE IF NOT EXISTS lines_of_day (text VARCHAR(100)); INSERT INTO lines_of_day SELECT "all is on sale" WHERE NOT EXISTS (SELECT * FROM lines_of_day)'
run 'SELECT text FROM lines_of_day' >/shared/line
